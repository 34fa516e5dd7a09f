import chineseDays from 'chinese-days';

/**
 * The arrangement of the State Council as the library chinese-days carries it (2004–2026). Asked beyond its years it
 * calls every weekday a workday without a word: ask `knowsYear` first.
 */
export const nationalIsWorkday = (day: string): boolean => chineseDays.isWorkday(day);

/** National Day has been a holiday in every year: where it is none, the library has no data. */
export const knowsYear = (year: number): boolean => nationalName(`${year}-10-01`) !== undefined;

/** 国庆节 and the like, for a day off or a make-up day; undefined for an ordinary day. */
export function nationalName(day: string): string | undefined {
  const { name } = chineseDays.getDayDetail(day);
  return name.includes(',') ? name.split(',')[1] : undefined;
}

/** The day of a year on which a day of the Chinese calendar falls, such as 08-15. */
export const lunarDay = (year: number, monthDay: string): string =>
  chineseDays.getSolarDateFromLunar(`${year}-${monthDay}`).date;

/** 清明 of a year. */
export const pureBrightness = (year: number): string => chineseDays.getSolarTermDate(year, 4, 'pure_brightness');
