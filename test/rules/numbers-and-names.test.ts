import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentNumberYear, readDocumentNumber } from '../../src/rules/document-number.ts';
import { readLicenceNumber } from '../../src/rules/licence-number.ts';
import { compareKey, readName } from '../../src/rules/name.ts';

describe('document numbers', () => {
  it.each(['桂新广罚字〔2017〕3号', '桂新广函〔2017〕12号', '桂广电罚〔2020〕105号', '桂权〔2017〕1号'])(
    '%s stays',
    (number) => {
      expect(readDocumentNumber(number)).toEqual({ value: number, faults: [] });
    },
  );

  it.each([
    ['桂新广罚字[2017]3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字［2017］3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字【2017】3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字(2017)3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字（2017）3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字{2017}3号', 'BRACKETS_REPAIRED'],
    ['桂新广罚字〔2017〕003号', 'ZEROS_REPAIRED'],
    ['桂新广罚字〔2017〕第3号', 'WORDING_REPAIRED'],
    ['桂新广罚字〔2017〕3', 'WORDING_REPAIRED'],
    ['桂新广罚字 〔2017〕 3 号', 'SPACING_REPAIRED'],
    ['桂新广罚字〔２０１７〕３号', 'WIDTH_REPAIRED'],
    ['桂新广罚字〔2017〕3号\u200b', 'SPACING_REPAIRED'],
  ])('%s is repaired with a note', (raw, code) => {
    const { value, faults } = readDocumentNumber(raw);
    expect(value).toBe('桂新广罚字〔2017〕3号');
    expect(faults.map(({ code: c, level }) => [c, level])).toEqual([[`DOCUMENT_NUMBER_${code}`, 'note']]);
  });

  it('a year without brackets is repaired, but doubtful', () => {
    expect(readDocumentNumber('桂新广罚字2017年3号')).toMatchObject({
      value: '桂新广罚字〔2017〕3号',
      faults: [{ code: 'DOCUMENT_NUMBER_BRACKETS_MISSING', level: 'warning' }],
    });
  });

  it('a year of two digits and an empty number are refused', () => {
    expect(readDocumentNumber('桂新广罚字〔17〕3号').faults).toMatchObject([
      { code: 'DOCUMENT_NUMBER_YEAR_SHORT', level: 'error' },
    ]);
    expect(readDocumentNumber('无').faults).toMatchObject([{ code: 'DOCUMENT_NUMBER_MISSING', level: 'error' }]);
  });

  it('another shape passes unchanged with a warning', () => {
    expect(readDocumentNumber('（桂）字第00123号')).toMatchObject({
      value: '（桂）字第00123号',
      faults: [{ code: 'DOCUMENT_NUMBER_UNUSUAL', level: 'warning' }],
    });
  });

  it('the year is what stands in the brackets', () => {
    expect(documentNumberYear('桂新广罚字〔2017〕3号')).toBe('2017');
    expect(documentNumberYear('（桂）字第00123号')).toBeUndefined();
  });

  it('every spelling leads to one number, and that one stays', () => {
    const brackets = fc.constantFrom('〔〕', '[]', '［］', '【】', '()', '（）', '{}');
    fc.assert(
      fc.property(
        brackets,
        fc.integer({ min: 1950, max: 2099 }),
        fc.integer({ min: 1, max: 99_999 }),
        fc.nat(3),
        (pair, year, no, zeros) => {
          const raw = `桂新广罚字${pair[0]}${year}${pair[1]}${'0'.repeat(Math.min(zeros, 6 - String(no).length))}${no}号`;
          const value = readDocumentNumber(raw).value ?? '';
          expect(value).toBe(`桂新广罚字〔${year}〕${no}号`);
          expect(readDocumentNumber(value)).toEqual({ value, faults: [] });
        },
      ),
    );
  });
});

describe('licence numbers', () => {
  it.each([
    ['（桂）字第00123号', '（桂）字第00123号'],
    ['(桂)字第00123号', '（桂）字第00123号'],
    ['（桂）字第 00123 号', '（桂）字第00123号'],
    ['（桂）字第００１２３号', '（桂）字第00123号'],
    ['新出发(苏)批字第n-012号', '新出发（苏）批字第N-012号'],
    ['（苏）印证字第 323020023 号', '（苏）印证字第323020023号'],
    ['桂影发字[2017]第3号', '桂影发字〔2017〕第3号'],
    ['鲁1552013', '鲁1552013'],
    ['京字第2037号', '京字第2037号'],
  ])('%s is %s', (raw, number) => {
    const { value, faults } = readLicenceNumber(raw);
    expect(value).toBe(number);
    expect(faults.every(({ level }) => level === 'note')).toBe(true);
    expect(faults.length > 0).toBe(raw !== number);
    expect(readLicenceNumber(number)).toEqual({ value: number, faults: [] });
  });

  it('a number that does not look like its type passes with a warning and the example', () => {
    const pattern = { test: (text: string) => /^（桂）字第0*\d{1,6}号$/.test(text), example: '（桂）字第00123号' };
    expect(readLicenceNumber('(桂)字第00123号', pattern).faults.map(({ level }) => level)).toEqual(['note']);
    const { value, faults } = readLicenceNumber('桂字123', pattern);
    expect(value).toBe('桂字123');
    expect(faults).toMatchObject([{ code: 'LICENCE_NUMBER_UNUSUAL', level: 'warning' }]);
    expect(faults[0]?.zh).toContain('（桂）字第00123号');
  });

  it('a filler is no number', () => {
    for (const raw of ['', '无', '/', '0000']) expect(readLicenceNumber(raw).faults[0]?.level).toBe('error');
  });

  it('normalising twice changes nothing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[（([【]?桂[)）\]】]?[字证第 ０-９0-9a-zA-Z()（）-]{1,15}号$/), (raw) => {
        const { value = '' } = readLicenceNumber(raw);
        expect(readLicenceNumber(value).value).toBe(value);
      }),
    );
  });
});

describe('names', () => {
  it.each([
    '广西某某（集团）有限公司',
    '广西某某(集团)有限公司',
    'ＡＢＣ文化传媒①㎡有限公司…：',
    '阿卜杜拉·买买提',
    '𠮷田商店',
  ])('%s stays as registered', (name) => {
    expect(readName(name)).toEqual({ value: name, faults: [] });
  });

  it('invisible characters and line breaks go, with a note', () => {
    const { value, faults } = readName(' 南宁\u200b某某\n文化\u0000有限公司\ufeff');
    expect(value).toBe('南宁某某文化有限公司');
    expect(faults).toMatchObject([{ code: 'NAME_CLEANED', level: 'note' }]);
  });

  it('characters lost in conversion are an error, a question mark is doubtful', () => {
    expect(readName('锟斤拷公司')).toMatchObject({ value: undefined, faults: [{ code: 'NAME_DAMAGED' }] });
    expect(readName('张\ufffd')).toMatchObject({ value: undefined, faults: [{ code: 'NAME_DAMAGED' }] });
    expect(readName('张?')).toMatchObject({ value: '张?', faults: [{ code: 'NAME_DOUBTFUL', level: 'warning' }] });
    expect(readName('张\ue863')).toMatchObject({ faults: [{ code: 'NAME_DOUBTFUL', level: 'warning' }] });
  });

  it('spellings of one name have one compare key', () => {
    const keys = [
      '广西某某（集团）有限公司',
      '广西某某(集团)有限公司',
      '广西某某 〔集团〕 有限公司',
      '广西某某（集团）\u3000有限公司',
    ].map(compareKey);
    expect(new Set(keys).size).toBe(1);
    expect(compareKey('ＡＢＣ公司')).toBe(compareKey('abc公司'));
    expect(compareKey('阿卜杜拉•买买提')).toBe(compareKey('阿卜杜拉·买买提'));
    expect(compareKey('南宁柳公司')).not.toBe(compareKey('南宁枊公司'));
  });

  it('the compare key of a compare key, and a name read twice, are the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(compareKey(compareKey(text))).toBe(compareKey(text));
        const { value } = readName(text);
        if (value !== undefined) expect(readName(value).value).toBe(value);
      }),
    );
  });
});
