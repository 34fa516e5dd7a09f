import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { citizenIdCheck, isCitizenId, looksLikeCitizenId, maskCitizenId } from '../../src/rules/citizen-id.ts';
import { quote } from '../../src/rules/quote.ts';
import {
  isRegistrationNumber,
  readRegistrationNumber,
  registrationCheck,
} from '../../src/rules/registration-number.ts';

const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));

describe('old registration numbers', () => {
  it('440301103097413 has the right check digit', () => {
    expect(readRegistrationNumber('440301103097413')).toEqual({ value: '440301103097413', faults: [] });
  });

  it('full-width digits are repaired with a note', () => {
    const { value, faults } = readRegistrationNumber('４40301103097413');
    expect(value).toBe('440301103097413');
    expect(faults.map(({ code, level }) => [code, level])).toEqual([['REGISTRATION_NUMBER_WIDTH_REPAIRED', 'note']]);
  });

  it.each([
    ['440301103097414', 'REGISTRATION_NUMBER_CHECK_WRONG'],
    ['91440300708461136T', 'REGISTRATION_NUMBER_MISPLACED'],
    ['4.40301E+14', 'REGISTRATION_NUMBER_SCIENTIFIC'],
    ['', 'REGISTRATION_NUMBER_MISSING'],
  ])('%j is refused as %s', (raw, code) => {
    expect(readRegistrationNumber(raw)).toMatchObject({ value: undefined, faults: [{ code, level: 'error' }] });
  });

  it('a form from before 2007 passes with a warning', () => {
    expect(readRegistrationNumber('企合桂总字第001234号')).toMatchObject({
      value: '企合桂总字第001234号',
      faults: [{ level: 'warning' }],
    });
  });

  it('every single substitution is noticed (ISO 7064 MOD 11,10)', () => {
    fc.assert(
      fc.property(digits(14), fc.nat(14), fc.integer({ min: 1, max: 9 }), (body, place, shift) => {
        const number = body + registrationCheck(body);
        const other = `${number.slice(0, place)}${(Number(number[place]) + shift) % 10}${number.slice(place + 1)}`;
        return isRegistrationNumber(number) && !isRegistrationNumber(other);
      }),
    );
  });
});

describe('citizen ids', () => {
  it('the sample of GB 11643 is one, with a small x as well, and so is its 15-digit form', () => {
    for (const id of ['11010519491231002X', '11010519491231002x', '110105491231002'])
      expect(isCitizenId(id)).toBe(true);
  });

  it.each(['110105194912310021', '11010519490231002X', '99010519491231002X', '440301103097413', '914403001922038216'])(
    '%s is none',
    (text) => expect(isCitizenId(text)).toBe(false),
  );

  it('a mistyped check character still looks like one', () => {
    expect(looksLikeCitizenId('110105194912310021')).toBe(true);
  });

  it('the mask keeps six and four', () => {
    expect(maskCitizenId('45010219900307123X')).toBe('450102********123X');
  });

  it('every single substitution is noticed', () => {
    fc.assert(
      fc.property(digits(17), fc.nat(16), fc.integer({ min: 1, max: 9 }), (body, place, shift) => {
        const other = `${body.slice(0, place)}${(Number(body[place]) + shift) % 10}${body.slice(place + 1)}`;
        return citizenIdCheck(body) !== citizenIdCheck(other);
      }),
    );
  });

  it('a quoted text never shows an id or a phone number in full', () => {
    for (const text of [
      '45010219900307123X',
      '身份证 450102 19900307 1234',
      '１３８００１３８０００',
      '138-0013-8000',
    ]) {
      expect(quote(text)).toContain('****');
    }
    expect(quote('2017-13-05 00:00:00')).toBe('2017-13-05 00:00:00');
  });
});
