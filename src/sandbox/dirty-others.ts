import { addDays } from './days.ts';
import { type DirtyCase, fullWidth, handwritten, otherBrackets } from './dirt.ts';
import { personName } from './holders.ts';
import { citizenIdOf } from './made-up-codes.ts';

const PENALTY = ['penalty'] as const;
const ENTERPRISE = ['enterprise'] as const;

/** A fine of exactly 10000 元, written as `written` in the column that wants 万元. */
const fined = (written: string): { readonly [column: string]: string } => ({
  cflb: '罚款',
  cfnr: '罚款人民币10000元',
  fkje_wy: written,
  msje: '',
  zkdx: '',
});

export const DIRTY_PENALTIES: readonly DirtyCase[] = [
  {
    label: '10.4-document-number',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '文号的括号或补零不规范',
    en: 'document number with other brackets or zero padding',
    spoil: (row, { random }) => ({ jdsh: otherBrackets(row['jdsh'] ?? '', random) }),
  },
  {
    label: '10.4-two-digit-year',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '文号的年份只写了两位',
    en: 'a document number with a year of two digits',
    spoil: (row) => ({ jdsh: (row['jdsh'] ?? '').replace(/〔\d\d(\d\d)〕/, '〔$1〕') }),
  },
  {
    label: '10.4-no-brackets',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '文号不用括号，写成 2017年3号',
    en: 'a document number written 2017年3号, without brackets',
    spoil: (row) => ({ jdsh: (row['jdsh'] ?? '').replace(/〔(\d{4})〕/, '$1年') }),
  },
  {
    label: '10.5-two-parties',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '一份决定书有两个当事人，合法',
    en: 'one document with two parties, which is legal',
    spoil: (_, { before }) => ({
      jdsh: before['jdsh'] ?? '',
      jdrq: before['jdrq'] ?? '',
      gsjzq: before['gsjzq'] ?? '',
      cfjg: before['cfjg'] ?? '',
    }),
    withRowBefore: true,
    once: true,
  },
  {
    label: '10.5-same-party-twice',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '同一文号、同一当事人在一批中有两种内容',
    en: 'one document and party with two contents in one page',
    spoil: (_, { before }) => ({
      ...before,
      cfnr: '罚款人民币5000元',
      fkje_wy: '0.500000',
      cflb: '罚款',
      msje: '',
      zkdx: '',
    }),
    withRowBefore: true,
    once: true,
  },
  {
    label: '10.7-handwritten-date',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '日期写法各异',
    en: 'dates as people write them',
    spoil: (row, { random }) => ({ jdrq: handwritten(row['jdrq'] ?? '', random) }),
  },
  {
    label: '10.9-unit-in-words',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '金额带单位、千分位或大写',
    en: 'an amount with unit, thousands separator or in words',
    spoil: (_, { random }) => fined(random.pick(['1万元', '10,000元', '壹万元整'] as const)),
  },
  {
    label: '10.9-yuan-for-wan-yuan',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '万元栏里填了元：10000 成了 10000 万元（单凭这一栏看不出）',
    en: 'yuan filled into the 万元 column; the column alone cannot tell',
    spoil: () => fined('10000'),
  },
  {
    label: '10.9-amount-missing',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '处罚类别有罚款，金额为空',
    en: 'a fine without an amount',
    spoil: () => fined(''),
  },
  {
    label: '10.11-separators',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '处罚类别用逗号、顿号分开',
    en: 'kinds of penalty with other separators',
    spoil: (_, { random }) => ({
      ...fined('1.000000'),
      cflb: random.pick(['警告，罚款', '警告、罚款', '警告；罚款'] as const),
    }),
  },
  {
    label: '10.11-unknown-kind',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '处罚类别不在法定种类内',
    en: 'a kind of penalty that the law does not know',
    spoil: () => ({ ...fined('1.000000'), cflb: '批评教育' }),
  },
  {
    label: '10.12-id-lower-x',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '自然人身份证号末位是小写 x',
    en: 'a natural person whose id number ends in a small x',
    spoil: (_, { random }) => ({
      dsrmc: personName(random),
      dsrlb: '自然人',
      tyshxydm: '',
      fddbr: '',
      zjlx: '身份证',
      zjhm: endingInX().toLowerCase(),
    }),
  },
  {
    label: '10.12-person-as-company',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '自然人当作法人，身份证号填在信用代码栏',
    en: 'a natural person as a company, id number as credit code',
    spoil: (_, { index, random }) => ({
      dsrmc: personName(random),
      dsrlb: '法人及非法人组织',
      tyshxydm: citizenIdOf('450102', '19790214', index),
      fddbr: '',
      zjlx: '',
      zjhm: '',
    }),
  },
  {
    label: '10.13-decided-in-future',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '决定日期在将来',
    en: 'decided in the future',
    spoil: (_, { world }) => ({ jdrq: addDays(world.today, 400), gsjzq: addDays(world.today, 765) }),
  },
  {
    label: '10.14-issuer-alias',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '机关用简称',
    en: 'the short name of the authority',
    spoil: (row) => ({ cfjg: (row['cfjg'] ?? '').replace('广西壮族自治区', '自治区') }),
  },
  {
    label: '10.15-markup',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '违法事实里有换行、HTML 和零宽字符',
    en: 'line breaks, HTML and zero-width characters in the facts',
    spoil: (row) => ({ wfss: `<p>${row['wfss'] ?? ''}</p>\r\n&nbsp;&nbsp;以上事实有检查笔录为证。\u200b` }),
  },
  {
    label: '10.15-too-long',
    kinds: PENALTY,
    outcome: 'quarantined',
    zh: '违法事实超过 5000 字',
    en: 'facts of more than 5000 characters',
    spoil: () => ({ wfss: '经查，当事人擅自从事出版物批发业务。'.repeat(300) }),
  },
  {
    label: '10.17-id-number',
    kinds: PENALTY,
    outcome: 'quarantined',
    stage: 'outbound',
    zh: '违法事实里有身份证号、电话和住址',
    en: 'id number, telephone and home address in the facts',
    spoil: (row, { index, random }) => ({
      wfss: `${row['wfss'] ?? ''}负责人${personName(random)}（身份证号${citizenIdOf('450105', '19900315', index)}，电话13977100${String(index % 1000).padStart(3, '0')}，住南宁市青秀区民族大道88号2栋1单元301室）在场。`,
    }),
  },
  {
    label: '10.18-revoked-yet-valid',
    kinds: PENALTY,
    outcome: 'accepted',
    zh: '处罚吊销了许可证，许可证状态仍是有效',
    en: 'the penalty revokes a licence that its own system still calls valid',
    spoil: (_, { index }) => ({
      cflb: '吊销许可证件',
      cfnr: '吊销许可证',
      fkje_wy: '',
      msje: '',
      zkdx: `广播电视节目制作经营许可证 （桂）字第${String(index + 1).padStart(5, '0')}号`,
      yzcd: '严重',
    }),
  },
];

/** Every eleventh number ends in X: take the first. */
function endingInX(): string {
  let order = 1;
  while (!citizenIdOf('450103', '19910203', order).endsWith('X')) order++;
  return citizenIdOf('450103', '19910203', order);
}

export const DIRTY_ENTERPRISES: readonly DirtyCase[] = [
  {
    label: '10.1-full-width-code',
    kinds: ENTERPRISE,
    outcome: 'accepted',
    zh: '信用代码是全角字符',
    en: 'credit code in full-width characters',
    spoil: (row) => ({ uniscid: fullWidth(row['uniscid'] ?? '') }),
  },
  {
    label: '10.2-half-width-brackets',
    kinds: ENTERPRISE,
    outcome: 'accepted',
    zh: '企业名称里的括号是半角',
    en: 'half-width brackets in the name',
    spoil: (row) => ({ entname: (row['entname'] ?? '').replace(/（集团）|(?=有限|图文)/, '(集团)') }),
  },
  {
    label: '10.3-long-term',
    kinds: ENTERPRISE,
    outcome: 'accepted',
    zh: '经营期限至写成 9999-12-31',
    en: 'business term ends on 9999-12-31',
    spoil: () => ({ opto: '9999-12-31' }),
  },
  {
    label: '10.8-letter-o',
    kinds: ENTERPRISE,
    outcome: 'quarantined',
    zh: '信用代码里数字 0 写成字母 O',
    en: 'letter O for the digit 0 in the credit code',
    spoil: (row) => ({ uniscid: (row['uniscid'] ?? '').replace('0', 'O') }),
  },
  {
    label: '10.13-term-reversed',
    kinds: ENTERPRISE,
    outcome: 'quarantined',
    zh: '经营期限至早于经营期限自',
    en: 'the business term ends before it begins',
    spoil: (row) => ({ opto: addDays(row['opfrom'] ?? '', -30) }),
  },
];
