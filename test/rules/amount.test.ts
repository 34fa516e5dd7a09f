import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAmount, wanToYuan, yuanToWan } from '../../src/rules/amount.ts';

describe('amounts', () => {
  it.each([
    ['10000', '10000'],
    ['10000.00', '10000'],
    ['0.50', '0.5'],
    ['0', '0'],
    ['007', '7'],
    ['10,000', '10000'],
    ['1,234,567.89', '1234567.89'],
    ['１００００', '10000'],
    ['1万元', '10000'],
    ['1.5万', '15000'],
    ['0.000001万元', '0.01'],
    ['1亿元', '100000000'],
    ['10000元', '10000'],
    ['￥10000', '10000'],
    ['人民币10000元整', '10000'],
    ['壹万元整', '10000'],
    ['人民币壹万元整', '10000'],
    ['壹拾万元整', '100000'],
    ['拾万元', '100000'],
    ['壹万贰仟叁佰肆拾伍元陆角柒分', '12345.67'],
    ['叁佰零伍元整', '305'],
    ['壹亿零伍拾万元', '100500000'],
    ['一万二千元', '12000'],
    ['伍角', '0.5'],
    ['12345678901234567890.12', '12345678901234567890.12'],
  ])('%s is %s 元', (raw, yuan) => {
    const { value, faults } = readAmount(raw, '元');
    expect(value).toBe(yuan);
    expect(faults.every(({ level }) => level === 'note')).toBe(true);
  });

  it.each([
    ['1', '10000'],
    ['1.000000', '10000'],
    ['0.000001', '0.01'],
    ['10000元', '10000'],
    ['2万元', '20000'],
    ['壹万元整', '10000'],
  ])('%s in a field of 万元 is %s 元', (raw, yuan) => expect(readAmount(raw, '万元').value).toBe(yuan));

  it('10000 in a field of 万元 is doubtful', () => {
    expect(readAmount('10000', '万元')).toMatchObject({
      value: '100000000',
      faults: [{ code: 'AMOUNT_UNIT_DOUBTFUL', level: 'warning' }],
    });
  });

  it.each([
    ['-5', 'AMOUNT_NEGATIVE'],
    ['（5）', 'AMOUNT_NEGATIVE'],
    ['0.001', 'AMOUNT_TOO_PRECISE'],
    ['1.2.3', 'AMOUNT_UNREADABLE'],
    ['1,00', 'AMOUNT_UNREADABLE'],
    ['1e21', 'AMOUNT_UNREADABLE'],
    ['壹贰', 'AMOUNT_UNREADABLE'],
    ['罚款一些', 'AMOUNT_UNREADABLE'],
    ['元', 'AMOUNT_UNREADABLE'],
    ['万元', 'AMOUNT_UNREADABLE'],
    ['', 'AMOUNT_MISSING'],
  ])('%j is refused as %s', (raw, code) => {
    expect(readAmount(raw, '元')).toMatchObject({ value: undefined, faults: [{ code, level: 'error' }] });
  });

  it('10000 元 are 1.000000 万元', () => {
    expect(['10000', '0.01', '0', '123456.78'].map(yuanToWan)).toEqual([
      '1.000000',
      '0.000001',
      '0.000000',
      '12.345678',
    ]);
    expect(() => yuanToWan('1.234')).toThrow(RangeError);
    expect(() => wanToYuan('1.0000001')).toThrow(RangeError);
  });
});

describe('the law of exact amounts', () => {
  const fen = fc.bigInt({ min: 0n, max: 10n ** 24n });
  const yuanOf = (amount: bigint) =>
    readAmount(`${amount / 100n}.${String(amount % 100n).padStart(2, '0')}`, '元').value ?? '';

  it('元 → 万元 → 元 loses nothing, and reading the result changes nothing', () => {
    fc.assert(
      fc.property(fen, (amount) => {
        const yuan = yuanOf(amount);
        expect(wanToYuan(yuanToWan(yuan))).toBe(yuan);
        expect(readAmount(yuanToWan(yuan), '万元').value).toBe(yuan);
        expect(readAmount(yuan, '元')).toEqual({ value: yuan, faults: [] });
        expect(BigInt(yuanToWan(yuan).replace('.', ''))).toBe(amount);
      }),
    );
  });

  it('capital numerals read back as the amount they were written from', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999_999_999 }),
        (yuan) => readAmount(capitals(yuan), '元').value === String(yuan),
      ),
    );
  });

  it('no text makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(readAmount(text, '元').faults)));
  });
});

function capitals(yuan: number): string {
  const section = (n: number) =>
    [...String(n)]
      .map((d, i, all) =>
        d === '0' ? '零' : '零壹贰叁肆伍陆柒捌玖'.charAt(Number(d)) + ['', '拾', '佰', '仟'][all.length - 1 - i],
      )
      .join('')
      .replace(/零+$/, '')
      .replace(/零+/g, '零');
  const high = Math.floor(yuan / 1e8);
  const middle = Math.floor(yuan / 1e4) % 1e4;
  const low = yuan % 1e4;
  const zero = (n: number) => (n > 0 && n < 1000 ? '零' : '');
  const parts = [high ? `${section(high)}亿` : '', middle ? `${high ? zero(middle) : ''}${section(middle)}万` : ''];
  const head = parts.join('');
  return `${head}${low ? (head ? zero(low) || (middle === 0 ? '零' : '') : '') + section(low) : ''}元整`;
}
