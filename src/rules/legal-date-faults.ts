import { type Fault, fault } from '../fault.ts';
import type { CivilDay } from './civil-day.ts';
import { quote } from './quote.ts';

/** The sentences of the legal date rules. */
export const MISSING = fault(
  'error',
  'DATE_MISSING',
  '日期为空；请按 2017-03-05 的样式填写',
  'the date is empty; write it like 2017-03-05',
);

export const LONG_TERM_UNEXPECTED = fault(
  'error',
  'DATE_LONG_TERM_UNEXPECTED',
  '此处必须是具体日期，不能是“长期”；请填写证照或文书上的日期',
  'this must be a certain day, not “long-term”; fill in the date on the certificate or document',
);

export const TIME_IMPOSSIBLE = fault(
  'error',
  'DATE_TIME_IMPOSSIBLE',
  '时间部分不存在（时 0–23，分、秒 0–59）；请改正',
  'the time of day does not exist (hours 0–23, minutes and seconds 0–59); mend it',
);

export const SERIAL = fault(
  'note',
  'DATE_SERIAL_REPAIRED',
  '数字已按 Excel 日期序列值换算；请将该列设为日期或文本格式',
  'the number was read as an Excel date serial; format the column as date or text',
);

export const INSTANT = fault(
  'note',
  'DATE_INSTANT_REPAIRED',
  '带时区的时刻已换算为北京时间的日期；请让业务系统直接给出日期',
  'an instant with an offset was read as the day in Beijing; let the bureau’s system give the date itself',
);

export const SUMMER_TIME = fault(
  'warning',
  'DATE_SUMMER_TIME_DOUBTFUL',
  '该时刻处于 1986–1991 年夏令时，按当地零点取次日；请对照证照确认日期',
  'this instant falls into the summer time of 1986–1991 and was read as local midnight of the next day; confirm the date with the certificate',
);

export const TIME_DROPPED = fault(
  'note',
  'DATE_TIME_DROPPED',
  '日期后面的时间已舍去；如当天日期不对请改正',
  'the time of day behind the date was dropped; mend the date if the day is wrong',
);

export const NUMERALS = fault(
  'note',
  'DATE_NUMERALS_REPAIRED',
  '中文数字日期已换算为阿拉伯数字；建议在业务系统中改填数字日期',
  'a date in Chinese numerals was converted; better write it in digits in the bureau’s system',
);

export const centuryGuessed = (year: number): Fault =>
  fault(
    'warning',
    'DATE_CENTURY_GUESSED',
    `两位数年份按 ${year} 年理解；请改填四位年份`,
    `the two-digit year was taken as ${year}; write four digits`,
  );

export const impossible = ({ year, month, day }: CivilDay): Fault =>
  fault(
    'error',
    'DATE_IMPOSSIBLE',
    `日历上没有 ${year} 年 ${month} 月 ${day} 日；请对照证照或文书改正`,
    `there is no day ${year}-${month}-${day} in the calendar; mend it from the certificate or document`,
  );

export const yearImpossible = (year: number): Fault =>
  fault(
    'error',
    'DATE_YEAR_IMPOSSIBLE',
    `年份 ${year} 不在 1900–2199 之间；请对照证照或文书改正，长期有效请填“长期”`,
    `the year ${year} is not within 1900–2199; mend it, or write 长期 if there is no end`,
  );

/** Why a text is no date, as exactly as can be said. */
export function unreadable(text: string): Fault {
  if (/^\d{4}(?:\d{2}|[-/.]\d{1,2}|年(?:\d{1,2}月?)?)?$/.test(text)) {
    return fault(
      'error',
      'DATE_INCOMPLETE',
      `日期“${text}”缺少月或日；请补全年月日`,
      `the date “${text}” lacks its month or day; complete it`,
    );
  }
  if (/^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$/.test(text)) {
    return fault(
      'error',
      'DATE_ORDER_UNCLEAR',
      `日期“${text}”分不清月和日；请按 年-月-日 填写`,
      `the order of month and day in “${text}” is unclear; write year-month-day`,
    );
  }
  const shown = quote(text);
  return fault(
    'error',
    'DATE_UNREADABLE',
    `“${shown}”不是可识别的日期；请按 2017-03-05 的样式填写`,
    `“${shown}” is not a date we can read; write it like 2017-03-05`,
  );
}
