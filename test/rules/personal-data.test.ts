import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPersonalData, maskPersonalData, maskPhone, personalDataFaults } from '../../src/rules/personal-data.ts';

const kinds = (text: string) => findPersonalData(text).map(({ kind }) => kind);

describe('personal data in free text', () => {
  it.each([
    ['当事人张某（身份证号11010519491231002X）擅自从事出版物发行', 'citizen-id'],
    ['身份证号：11010519491231002x。', 'citizen-id'],
    ['身份证号１１０１０５１９４９１２３１００２Ｘ', 'citizen-id'],
    ['号码110105 19491231 002X', 'citizen-id'],
    ['校验位写错的110105194912310021也是', 'citizen-id'],
    ['旧号450102850307123', 'citizen-id'],
    ['联系电话13800138000', 'mobile'],
    ['手机：138 0013 8000，', 'mobile'],
    ['手机138-0013-8000', 'mobile'],
    ['致电+8613800138000核实', 'mobile'],
    ['手机１３８００１３８０００', 'mobile'],
    ['电话0771-5551234', 'landline'],
    ['电话（0771）5551234', 'landline'],
    ['电话010-65551234', 'landline'],
    ['联系电话：5551234', 'landline'],
    ['张某，男，住南宁市青秀区民族大道100号3栋2单元501室', 'address'],
    ['家庭住址：广西桂林市七星区某某路12号', 'address'],
    ['户籍所在地为广西某县某镇某村某屯5号', 'address'],
    ['现居住于柳州市鱼峰区某小区', 'address'],
    ['在南宁市西乡塘区某某花园3栋2单元501房内查获', 'address'],
  ])('%s holds a %s', (text, kind) => expect(kinds(text)).toEqual([kind]));

  it.each([
    '统一社会信用代码91440300708461136T、914403001922038216、911100007109250324',
    '统一社会信用代码11450000007565194H',
    '工商注册号440301103097413',
    '许可证号（桂）字第00123号，（苏）印证字第323020023号，(浙)印证字第1-00698号，新出发(苏)批字第N-012号',
    '信息网络传播视听节目许可证0910417、1109364号',
    '依据桂新广罚字〔2017〕3号行政处罚决定书',
    '（桂）印证字第13800138000号',
    '罚款15000000000元',
    '2017年3月5日08时30分，20170305083000',
    '当事人住所：南宁市青秀区民族大道100号',
    '经营场所位于南宁市青秀区民族大道100号一楼商铺',
    '某酒店为住宿经营者，居民区附近设有印刷厂',
    'ISBN 9787508647357，包装数量1234567册',
    '对南宁某某文化传媒有限公司罚款10000元',
    '',
  ])('%s holds none', (text) => expect(kinds(text)).toEqual([]));

  it('faults are errors that say what to do and never show the data', () => {
    const text = '张某（身份证号11010519491231002X，电话13800138000、0771-5551234）住南宁市青秀区民族大道100号';
    const faults = personalDataFaults(text);
    expect(faults.map(({ code, level }) => [code, level])).toEqual([
      ['PERSONAL_DATA_ID_NUMBER', 'error'],
      ['PERSONAL_DATA_PHONE', 'error'],
      ['PERSONAL_DATA_ADDRESS', 'error'],
    ]);
    const said = faults.map(({ zh, en }) => zh + en).join();
    expect(said).toContain('110105********002X');
    expect(said).toContain('138****8000');
    for (const secret of ['11010519491231002X', '13800138000', '5551234', '民族大道'])
      expect(said).not.toContain(secret);
  });

  it('masking keeps the rest of the text, and leaves nothing to find', () => {
    expect(maskPersonalData('张某电话13800138000，罚款100元')).toBe('张某电话138****8000，罚款100元');
    expect(maskPhone('+86 138-0013-8000')).toBe('138****8000');
    const piece = fc.constantFrom(
      '身份证11010519491231002X',
      '电话13800138000',
      '，',
      '住南宁市民族大道1号',
      '0771-5551234',
      '罚款',
      '。',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const masked = maskPersonalData(pieces.join('，'));
        expect(findPersonalData(masked).filter(({ kind }) => kind !== 'address')).toEqual([]);
      }),
    );
  });

  it('a long text is searched in linear time', () => {
    const started = performance.now();
    for (const piece of ['1', '住', '0771-', '某小区3栋', '住址：', '1234567 ', '栋单元', '电话13800138000 '])
      findPersonalData(piece.repeat(20_000));
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
