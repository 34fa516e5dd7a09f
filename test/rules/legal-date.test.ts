import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayNumber, dayOfNumber, isoDay } from '../../src/rules/civil-day.ts';
import { dateOfSerial, readLegalDate, readLegalDateOrLongTerm, readTimestamp } from '../../src/rules/legal-date.ts';

const serials = { serials: true };
const codes = (raw: string, options = {}) => readLegalDate(raw, options).faults.map(({ code }) => code);

describe('legal dates', () => {
  it.each([
    '2017-03-05',
    '2017/03/05',
    '2017/3/5',
    '2017.3.5',
    '2017.03.05',
    '2017年3月5日',
    '2017年03月05日',
    '2017 年 3 月 5 日',
    '2017年3月5号',
    '20170305',
    '2017/03/05 00:00:00',
    '2017-03-05T00:00:00',
    '2017-03-05 00:00:00.0',
    '2017-03-05T00:00:00+08:00',
    '2017-03-05T00:00:00Z',
    '20170305000000',
    ' 2017-03-05 ',
  ])('%j is 5 March 2017, nothing to say', (raw) => {
    expect(readLegalDate(raw)).toEqual({ value: '2017-03-05', faults: [] });
  });

  it.each([
    ['17-3-5', 'DATE_CENTURY_GUESSED'],
    ['17.03.05', 'DATE_CENTURY_GUESSED'],
    ['17年3月5日', 'DATE_CENTURY_GUESSED'],
    ['二〇一七年三月五日', 'DATE_NUMERALS_REPAIRED'],
    ['二○一七年三月五日', 'DATE_NUMERALS_REPAIRED'],
    ['二零一七年零三月零五日', 'DATE_NUMERALS_REPAIRED'],
    ['贰零壹柒年叁月伍日', 'DATE_NUMERALS_REPAIRED'],
    ['２０１７年３月５日', 'DATE_WIDTH_REPAIRED'],
    ['２０１７－０３－０５', 'DATE_WIDTH_REPAIRED'],
    ['2017—03—05', 'DATE_WIDTH_REPAIRED'],
    ['2017-03-04T16:00:00.000Z', 'DATE_INSTANT_REPAIRED'],
    ['2017-03-05 14:30', 'DATE_TIME_DROPPED'],
  ])('%j is 5 March 2017 with %s', (raw, code) => {
    expect(readLegalDate(raw).value).toBe('2017-03-05');
    expect(codes(raw)).toEqual([code]);
  });

  it.each([
    ['二〇一七年十二月三十一日', '2017-12-31'],
    ['二〇一七年十月二十日', '2017-10-20'],
    ['二〇一七年十一月廿五日', '2017-11-25'],
    ['二〇一七年拾贰月叁拾日', '2017-12-30'],
    ['99-12-31', '1999-12-31'],
    ['2024-02-29', '2024-02-29'],
  ])('%s is %s', (raw, date) => expect(readLegalDate(raw).value).toBe(date));

  it.each([
    ['2026-02-29', 'DATE_IMPOSSIBLE'],
    ['2017-13-01', 'DATE_IMPOSSIBLE'],
    ['2017/4/31', 'DATE_IMPOSSIBLE'],
    ['1900-02-29', 'DATE_IMPOSSIBLE'],
    ['20170230', 'DATE_IMPOSSIBLE'],
    ['二〇一七年二月三十日', 'DATE_IMPOSSIBLE'],
    ['0217-03-05', 'DATE_YEAR_IMPOSSIBLE'],
    ['2017', 'DATE_INCOMPLETE'],
    ['2017年3月', 'DATE_INCOMPLETE'],
    ['201703', 'DATE_INCOMPLETE'],
    ['3/5/2017', 'DATE_ORDER_UNCLEAR'],
    ['2017-03/05', 'DATE_UNREADABLE'],
    ['昨天', 'DATE_UNREADABLE'],
    ['2017-03-05 25:00:00', 'DATE_TIME_IMPOSSIBLE'],
    ['43100', 'DATE_UNREADABLE'],
    ['长期', 'DATE_LONG_TERM_UNEXPECTED'],
    ['9999-12-31', 'DATE_LONG_TERM_UNEXPECTED'],
    ['', 'DATE_MISSING'],
  ])('%j is refused as %s', (raw, code) => {
    expect(readLegalDate(raw).value).toBeUndefined();
    expect(codes(raw)).toEqual([code]);
  });

  it('2099-12-31 is a day where there is no long term', () => {
    expect(readLegalDate('2099/12/31')).toEqual({ value: '2099-12-31', faults: [] });
  });

  it('numbers are Excel serials only where the caller says so, and only of believable size', () => {
    expect(readLegalDate('43100', serials).value).toBe('2017-12-31');
    expect(readLegalDate('43100.75', serials).value).toBe('2017-12-31');
    expect(codes('43100', serials)).toEqual(['DATE_SERIAL_REPAIRED']);
    expect(readLegalDate('20171231', serials)).toEqual({ value: '2017-12-31', faults: [] });
    expect(readLegalDateOrLongTerm('2958465', serials).value).toEqual({ date: null, longTerm: true });
    for (const raw of ['2017', '201703', '5', '999999']) expect(readLegalDate(raw, serials).value).toBeUndefined();
  });

  it('the serial of the day that never was has no date', () => {
    expect([1, 59, 60, 61, 43100, 2958465, 2958466, 0].map(dateOfSerial)).toEqual([
      '1900-01-01',
      '1900-02-28',
      undefined,
      '1900-03-01',
      '2017-12-31',
      '9999-12-31',
      undefined,
      undefined,
    ]);
  });

  it('epoch milliseconds are the day in Beijing', () => {
    expect(readLegalDate('1488643200000', serials).value).toBe('2017-03-05');
  });

  it('local midnight of a summer-time day keeps its day, with a warning', () => {
    expect(readLegalDate('1988-05-31T15:00:00Z')).toMatchObject({
      value: '1988-06-01',
      faults: [{ level: 'warning' }],
    });
  });
});

describe('long terms', () => {
  it.each([
    '长期',
    '长期有效',
    '永久',
    '无固定期限',
    '至今',
    '空',
    '2099-12-31',
    '2099/12/31',
    '2099.12.31',
    '2099年12月31日',
    '20991231',
    '2099-12-31 00:00:00',
    '9999-12-31',
    '9999/12/31 23:59:59',
    '99991231',
    '2999-12-31',
    '2999-01-01',
    '29991231',
    '0000-00-00',
    '0000-00-00 00:00:00',
    '00000000',
    ' 长期 ',
    '２０９９－１２－３１',
  ])('%j has no end', (raw) => {
    expect(readLegalDateOrLongTerm(raw).value).toEqual({ date: null, longTerm: true });
  });

  it('a plain end is a date', () => {
    expect(readLegalDateOrLongTerm('2027/03/31')).toEqual({
      value: { date: '2027-03-31', longTerm: false },
      faults: [],
    });
  });
});

describe('timestamps', () => {
  it.each([
    ['2017-03-05 08:30:00', '2017-03-05T08:30:00'],
    ['2017-03-05T08:30:00', '2017-03-05T08:30:00'],
    ['2017/3/5 8:30', '2017-03-05T08:30:00'],
    ['2017-03-05 08:30:00.0', '2017-03-05T08:30:00'],
    ['2017-03-05 08:30:00.120000', '2017-03-05T08:30:00.120'],
    ['2017-03-05T00:30:00Z', '2017-03-05T08:30:00'],
    ['2016-12-31T16:00:00.007Z', '2017-01-01T00:00:00.007'],
    ['2017-03-05T08:30:00+08:00', '2017-03-05T08:30:00'],
    ['2017-03-04T19:30:00-0500', '2017-03-05T08:30:00'],
    ['20170305083000', '2017-03-05T08:30:00'],
    ['2017-03-05', '2017-03-05'],
    ['2017年3月5日 08:30:00', '2017-03-05T08:30:00'],
  ])('%s is %s', (raw, local) => expect(readTimestamp(raw)).toEqual({ value: local, faults: [] }));

  it('impossible times are refused', () => {
    for (const raw of ['2017-03-05 24:01:00', '2017-02-29 00:00:00', 'gestern', '']) {
      expect(readTimestamp(raw).value).toBeUndefined();
    }
  });

  it('instants agree with the platform’s own +08:00 arithmetic', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1992, 0), max: Date.UTC(2190, 0) }), (ms) => {
        const wanted = new Date(ms + 8 * 3_600_000)
          .toISOString()
          .slice(0, -1)
          .replace(/\.000$/, '');
        expect(readTimestamp(new Date(ms).toISOString()).value).toBe(wanted);
      }),
    );
  });
});

describe('the law of the calendar', () => {
  const day = fc.integer({
    min: dayNumber({ year: 1900, month: 1, day: 1 }),
    max: dayNumber({ year: 2098, month: 12, day: 31 }),
  });

  it('days and their numbers are one to one, and agree with UTC', () => {
    fc.assert(
      fc.property(fc.integer({ min: -700_000, max: 2_900_000 }), (number) => {
        expect(dayNumber(dayOfNumber(number))).toBe(number);
        if (number > -719_000)
          expect(isoDay(dayOfNumber(number))).toBe(new Date(number * 86_400_000).toISOString().slice(0, 10));
      }),
    );
  });

  it('every way to write a day leads to the same day, and ISO stays', () => {
    fc.assert(
      fc.property(day, (number) => {
        const { year, month, day: d } = dayOfNumber(number);
        const iso = isoDay({ year, month, day: d });
        const forms = [
          `${year}/${month}/${d}`,
          `${year}.${month}.${d}`,
          `${year}年${month}月${d}日`,
          iso.replaceAll('-', ''),
          `${iso} 00:00:00`,
        ];
        for (const form of [iso, ...forms])
          expect(readLegalDateOrLongTerm(form).value).toEqual({ date: iso, longTerm: false });
      }),
    );
  });

  it('only days of the calendar pass', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1900, max: 2098 }), fc.nat(14), fc.nat(33), (year, month, d) => {
        const text = isoDay({ year, month, day: d });
        const real =
          !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) &&
          new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
        expect(readLegalDate(text).value).toBe(real ? text : undefined);
      }),
    );
  });

  it('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        Array.isArray(readLegalDateOrLongTerm(text, serials).faults),
      ),
    );
  });
});
