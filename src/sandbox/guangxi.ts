/** The fourteen cities of Guangxi with their division codes (GB/T 2260). */
export const CITIES: readonly [City, ...City[]] = [
  { name: '南宁市', short: '南宁', division: '450100', areas: ['青秀区', '西乡塘区', '江南区', '良庆区'] },
  { name: '柳州市', short: '柳州', division: '450200', areas: ['城中区', '鱼峰区', '柳南区'] },
  { name: '桂林市', short: '桂林', division: '450300', areas: ['七星区', '象山区', '临桂区'] },
  { name: '梧州市', short: '梧州', division: '450400', areas: ['万秀区', '长洲区'] },
  { name: '北海市', short: '北海', division: '450500', areas: ['海城区', '银海区'] },
  { name: '防城港市', short: '防城港', division: '450600', areas: ['港口区', '防城区'] },
  { name: '钦州市', short: '钦州', division: '450700', areas: ['钦南区', '钦北区'] },
  { name: '贵港市', short: '贵港', division: '450800', areas: ['港北区', '覃塘区'] },
  { name: '玉林市', short: '玉林', division: '450900', areas: ['玉州区', '福绵区'] },
  { name: '百色市', short: '百色', division: '451000', areas: ['右江区', '田阳区'] },
  { name: '贺州市', short: '贺州', division: '451100', areas: ['八步区', '平桂区'] },
  { name: '河池市', short: '河池', division: '451200', areas: ['金城江区', '宜州区'] },
  { name: '来宾市', short: '来宾', division: '451300', areas: ['兴宾区', '忻城县'] },
  { name: '崇左市', short: '崇左', division: '451400', areas: ['江州区', '扶绥县'] },
];

export interface City {
  readonly name: string;
  readonly short: string;
  readonly division: string;
  readonly areas: readonly [string, ...string[]];
}

export const SURNAMES = [
  ...([
    '韦',
    '黄',
    '覃',
    '李',
    '梁',
    '陆',
    '蒙',
    '农',
    '莫',
    '周',
    '陈',
    '蓝',
    '罗',
    '何',
    '苏',
    '唐',
    '谢',
    '邓',
  ] as const),
  ...([
    '刘',
    '张',
    '王',
    '吴',
    '林',
    '廖',
    '潘',
    '杨',
    '谭',
    '甘',
    '庞',
    '秦',
    '蒋',
    '岑',
    '零',
    '闭',
    '侬',
    '欧阳',
  ] as const),
] as const satisfies readonly [string, ...string[]];

export const GIVEN = [
  ...([
    '建华',
    '秀英',
    '海燕',
    '志强',
    '小玲',
    '桂芳',
    '文杰',
    '丽娟',
    '国强',
    '春梅',
    '宇航',
    '思琪',
    '一鸣',
    '雅婷',
  ] as const),
  ...([
    '晓东',
    '美兰',
    '永康',
    '瑞雪',
    '子涵',
    '立军',
    '彩霞',
    '德明',
    '佩珊',
    '兴旺',
    '若琳',
    '凯',
    '敏',
    '勇',
  ] as const),
] as const satisfies readonly [string, ...string[]];

export const STYLES = [
  ...([
    '桂江',
    '八桂',
    '邕江',
    '漓江',
    '红水河',
    '壮锦',
    '刘三姐',
    '朱槿',
    '绿城',
    '龙象',
    '北部湾',
    '金湾',
    '灵渠',
  ] as const),
  ...([
    '右江',
    '左江',
    '花山',
    '德天',
    '铜鼓',
    '山歌',
    '木棉',
    '五象',
    '青秀',
    '明仕',
    '大瑶山',
    '海丝',
    '合浦',
  ] as const),
] as const satisfies readonly [string, ...string[]];

export const SECOND_STYLES = [
  ...([
    '文华',
    '天翼',
    '新叶',
    '鸿远',
    '星辰',
    '启明',
    '盛世',
    '和润',
    '雅集',
    '万象',
    '思源',
    '百川',
    '博闻',
    '正和',
  ] as const),
  ...([
    '光影',
    '金典',
    '弘毅',
    '致远',
    '锦程',
    '翰林',
    '彩虹',
    '风华',
    '嘉禾',
    '同创',
    '墨香',
    '蓝海',
    '瑞丰',
    '智汇',
  ] as const),
] as const satisfies readonly [string, ...string[]];

export const TRADES: readonly [Trade, ...Trade[]] = [
  { word: '文化传媒', scope: '广播电视节目制作经营；文化艺术交流活动组织策划；广告设计、制作、代理、发布。' },
  { word: '影视制作', scope: '电影摄制；广播电视节目制作；影视策划；摄影扩印服务。' },
  { word: '图书发行', scope: '出版物批发；文具用品、办公用品销售。' },
  { word: '书业', scope: '图书、报刊、音像制品批发零售；教育咨询服务。' },
  { word: '印务', scope: '出版物印刷；包装装潢印刷品、其他印刷品印刷；纸制品销售。' },
  { word: '彩印包装', scope: '包装装潢印刷品印刷；纸和纸板容器制造。' },
];

interface Trade {
  readonly word: string;
  readonly scope: string;
}
