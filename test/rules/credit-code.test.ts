import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creditCodeCheck, organisationCheck, readCreditCode } from '../../src/rules/credit-code.ts';

const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const codes = (raw: string) => readCreditCode(raw).faults.map(({ code }) => code.replace('CREDIT_CODE_', ''));

const REAL = [
  '91440300708461136T',
  '9144030071526726XG',
  '914403001922038216',
  '91330100799655058B',
  '91110000802100433B',
  '911100007109250324',
  '91110000710925462X',
  '91100000100003962T',
  '911100001000044477',
  '91230500MA1B3N1N2M',
  '11100000000013338W',
  '11430000006122244L',
  '11450000007565194H',
  '91350100M000100Y43',
];
const SYNTHETIC = [
  '91450100MA5KA0017F',
  '91450200MA5KA0025F',
  '92450100MA5KA00332',
  '93450300MA5KA00414',
  '1245000049850001XH',
  '11450000007560019Y',
  '514500005020000199',
  '52450100MJP000013M',
];

describe('credit codes', () => {
  it.each([...REAL, ...SYNTHETIC])('%s is sound and stays as it is', (code) => {
    expect(readCreditCode(code)).toEqual({ value: code, faults: [] });
  });

  it.each([
    ['91440300708461136t', 'CASE_REPAIRED'],
    ['９1440300708461136T', 'WIDTH_REPAIRED'],
    ['９１４４０３００７０８４６１１３６Ｔ', 'WIDTH_REPAIRED'],
    ['91440300708461136T ', 'SPACING_REPAIRED'],
    ['91440300708461136T\u200b', 'SPACING_REPAIRED'],
    ["'91440300708461136T", 'SPACING_REPAIRED'],
    ['91440300708461136T\t', 'SPACING_REPAIRED'],
    ['91440300-708461136T', 'SPACING_REPAIRED'],
    ['9144 0300 7084 6113 6T', 'SPACING_REPAIRED'],
  ])('%j is repaired with a note', (raw, code) => {
    const { value, faults } = readCreditCode(raw);
    expect(value).toBe('91440300708461136T');
    expect(faults.every(({ level }) => level === 'note')).toBe(true);
    expect(codes(raw)).toEqual([code]);
  });

  it.each([
    ['9144030O708461136T', 'LETTER_WRONG'],
    ['9I440300708461136T', 'LETTER_WRONG'],
    ['9144030070846S136T', 'LETTER_WRONG'],
    ['9144030070846Z136T', 'LETTER_WRONG'],
    ['9144030070V461136T', 'LETTER_WRONG'],
    ['9144030070*461136T', 'CHARACTER_WRONG'],
    ['91440300708461136U', 'CHECK_WRONG'],
    ['91440300704861136T', 'CHECK_WRONG'],
    ['91440300708461135T', 'CHECK_WRONG'],
    ['994403007084611362', 'CATEGORY_UNKNOWN'],
    ['B1440300708461136T', 'DEPARTMENT_UNKNOWN'],
    ['9144A300708461136T', 'DIVISION_WRONG'],
    ['440301103097413', 'REGISTRATION_NUMBER'],
    ['70846113-6', 'ORGANISATION_CODE'],
    ['708461136', 'ORGANISATION_CODE'],
    ['000000000000000000', 'PLACEHOLDER'],
    ['00000000000000000X', 'PLACEHOLDER'],
    ['111111111111111111', 'PLACEHOLDER'],
    ['913330383MA2HBRJ43K', 'LONG'],
    ['9144030070846113', 'SHORT'],
    ['9.1440300708461E+17', 'SCIENTIFIC'],
    ['9.14403E+17', 'SCIENTIFIC'],
    ['11010519491231002X', 'PERSONAL'],
    ['无', 'MISSING'],
    ['/', 'MISSING'],
    ['-', 'MISSING'],
    ['暂无', 'MISSING'],
    ['N/A', 'MISSING'],
    ['', 'MISSING'],
    [' ', 'MISSING'],
  ])('%j is refused as %s', (raw, code) => {
    expect(readCreditCode(raw).value).toBeUndefined();
    expect(codes(raw)).toEqual([code]);
    expect(readCreditCode(raw).faults[0]?.level).toBe('error');
  });

  it('a wrong organisation check and an unknown division are only warnings', () => {
    expect(readCreditCode('91440300708461135P')).toMatchObject({
      value: '91440300708461135P',
      faults: [{ code: 'CREDIT_CODE_ORGANISATION_CHECK_WRONG', level: 'warning' }],
    });
    expect(readCreditCode('91990000708461136H')).toMatchObject({
      value: '91990000708461136H',
      faults: [{ code: 'CREDIT_CODE_DIVISION_UNKNOWN', level: 'warning' }],
    });
  });

  it('division 000000 is refused even with right check characters', () => {
    const body = `9100000070846113${organisationCheck('70846113')}`;
    expect(codes(body + creditCodeCheck(body))).toEqual(['PLACEHOLDER']);
  });

  it('a look-alike letter is named with the code that was probably meant', () => {
    expect(readCreditCode('9144030O708461136T').faults[0]?.zh).toContain('91440300708461136T');
  });

  it('law firms, unions and village collectives are not refused', () => {
    for (const head of ['31', '81', 'N2', 'A1', 'Y1', '71']) {
      const body = `${head}450000${'MA5KA001'}${organisationCheck('MA5KA001')}`;
      expect(codes(body + creditCodeCheck(body))).toEqual([]);
    }
  });

  it('a citizen id in this field is never repeated in a sentence', () => {
    for (const id of ['11010519491231002X', '450102199003071234', '110105491231002']) {
      for (const { zh, en } of readCreditCode(id).faults) expect(zh + en).not.toContain(id.slice(6, 14));
    }
  });
});

const sound = fc
  .tuple(
    fc.constantFrom('91', '92', '93', '11', '12', '31', '52', '81', 'A1', 'N3', 'Y1'),
    fc.integer({ min: 0, max: 9999 }),
    fc.array(fc.constantFrom(...ALPHABET), { minLength: 8, maxLength: 8 }),
  )
  .map(([head, county, letters]) => {
    const body = `${head}45${String(county).padStart(4, '0')}${letters.join('')}${organisationCheck(letters.join(''))}`;
    return body + creditCodeCheck(body);
  });

describe('the law of the check character', () => {
  it('a code with both checks right is sound', () => {
    fc.assert(fc.property(sound, (code) => readCreditCode(code).faults.length === 0));
  });

  it('every single substitution is noticed', () => {
    fc.assert(
      fc.property(sound, fc.nat(17), fc.constantFrom(...ALPHABET), (code, place, letter) => {
        fc.pre(code[place] !== letter);
        return readCreditCode(code.slice(0, place) + letter + code.slice(place + 1)).faults.length > 0;
      }),
    );
  });

  it('every exchange of two neighbours is noticed', () => {
    fc.assert(
      fc.property(sound, fc.nat(16), (code, place) => {
        fc.pre(code[place] !== code[place + 1]);
        const swapped = `${code.slice(0, place)}${code[place + 1]}${code[place]}${code.slice(place + 2)}`;
        return readCreditCode(swapped).faults.length > 0;
      }),
    );
  });

  it('lower case, full width and blanks lead back to the same code, and reading that changes nothing', () => {
    fc.assert(
      fc.property(sound, fc.nat(17), (code, place) => {
        const wide = [...code].map((c, i) => (i >= place ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : c)).join('');
        expect(readCreditCode(wide).value).toBe(code);
        expect(readCreditCode(code.toLowerCase()).value).toBe(code);
        expect(readCreditCode(`${code.slice(0, place)} ${code.slice(place)}`).value).toBe(code);
        expect(readCreditCode(code).value).toBe(code);
      }),
    );
  });

  it('no text whatever makes it throw, and a value never comes with an error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9A-Za-z\s-]{15,20}$/)), (text) => {
        const { value, faults } = readCreditCode(text);
        return (value === undefined) === faults.some(({ level }) => level === 'error');
      }),
    );
  });
});
