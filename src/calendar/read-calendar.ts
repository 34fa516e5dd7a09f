import type { SetupFault } from '../errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { type CalendarTable, EMPTY_TABLE, SCOPES } from './calendar-table.ts';
import { isDay } from './day.ts';
import { type DayOff, missingHolidays } from './statutory.ts';

/** A JSON file with its lines; schema/schema-file.ts reads one. */
export interface CalendarFile {
  readonly content: Json;
  fault(pointer: readonly (string | number)[], zh: string, en: string): SetupFault;
}

/** Checks a calendar table; all faults at once, and no table where there is one. */
export function readCalendar(file: CalendarFile): {
  readonly table: CalendarTable;
  readonly faults: readonly SetupFault[];
} {
  const { content } = file;
  if (!isJsonObject(content) || !Array.isArray(content['years']) || !Array.isArray(content['days'])) {
    return {
      table: EMPTY_TABLE,
      faults: [file.fault([], '应为 {"years": […], "days": […]}', 'must be {"years": […], "days": […]}')],
    };
  }
  const years: readonly Json[] = content['years'];
  const days: readonly Json[] = content['days'];
  const faults = [
    ...Object.keys(content)
      .filter((name) => name !== 'years' && name !== 'days')
      .map((name) => file.fault([name], `没有 ${name} 这一项`, `unknown: ${name}`)),
    ...years.flatMap((entry, index) => entryFaults(file, ['years', index], entry, YEAR)),
    ...days.flatMap((entry, index) => entryFaults(file, ['days', index], entry, DAY)),
    ...doubled(file, 'years', years, ({ year, scope }) => `${year} ${scope}`),
    ...doubled(file, 'days', days, ({ date, scope }) => `${date} ${scope}`),
    ...incomplete(file, years, days),
  ];
  return faults.length > 0
    ? { table: EMPTY_TABLE, faults }
    : { table: { years, days } as unknown as CalendarTable, faults };
}

/** Member → what is wrong with its value, in Chinese and English, or nothing. */
interface Members {
  readonly [member: string]: (value: Json) => readonly [string, string] | undefined;
}

const filled = (value: Json): readonly [string, string] | undefined =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 300
    ? undefined
    : ['应为 1–300 字的文字', 'must be text of 1–300 characters'];

const oneOf =
  (...words: readonly string[]) =>
  (value: Json): readonly [string, string] | undefined =>
    words.some((word) => word === value)
      ? undefined
      : [`只能是 ${words.join('、')}`, `must be one of ${words.join(', ')}`];

const YEAR: Members = {
  year: (value) =>
    Number.isInteger(value) && Number(value) >= 2000 && Number(value) <= 2100
      ? undefined
      : ['应为 2000–2100 的年份', 'must be a year from 2000 to 2100'],
  scope: oneOf(...SCOPES),
  state: oneOf('provisional', 'confirmed'),
  source: filled,
};

const DAY: Members = {
  date: (value) =>
    typeof value === 'string' && isDay(value)
      ? undefined
      : ['应为存在的日期，如 2026-04-17', 'must be a date that exists, such as 2026-04-17'],
  kind: oneOf('off', 'work'),
  scope: oneOf(...SCOPES),
  name: filled,
  source: filled,
};

function entryFaults(
  file: CalendarFile,
  pointer: readonly (string | number)[],
  entry: Json,
  members: Members,
): SetupFault[] {
  if (!isJsonObject(entry)) return [file.fault(pointer, '应为键值对', 'must be an object')];
  const unknown = Object.keys(entry).filter((name) => !Object.hasOwn(members, name));
  const wrong = Object.entries(members).flatMap(([name, check]) => {
    const value = entry[name];
    if (value === undefined) return [file.fault(pointer, `缺少 ${name}`, `${name} is missing`)];
    const fault = check(value);
    return fault === undefined ? [] : [file.fault([...pointer, name], `${name} ${fault[0]}`, `${name} ${fault[1]}`)];
  });
  return [...unknown.map((name) => file.fault(pointer, `没有 ${name} 这一项`, `unknown: ${name}`)), ...wrong];
}

/** A year is confirmed by its whole notice: what it leaves out becomes an ordinary day. */
function incomplete(file: CalendarFile, years: readonly Json[], days: readonly Json[]): SetupFault[] {
  return years.flatMap((entry, index) => {
    if (!isJsonObject(entry) || entry['scope'] !== 'national' || entry['state'] !== 'confirmed') return [];
    const { year } = entry;
    if (typeof year !== 'number' || YEAR['year']?.(year) !== undefined) return [];
    const missing = missingHolidays(year, daysOff(days, year));
    if (missing.length === 0) return [];
    return [
      file.fault(
        ['years', index],
        `确认 ${year} 年须录入整份放假通知，否则以下节日会变成工作日：${missing.join('；')}。每个放假日与调休上班日各写一行；通知未出前保留 provisional`,
        `a year is confirmed with its whole notice; these would become work days: ${missing.join('; ')}`,
      ),
    ];
  });
}

/** National days off of a year, as far as they can be read; what is wrong with the others is told elsewhere. */
const daysOff = (days: readonly Json[], year: number): DayOff[] =>
  days.flatMap((day) => {
    if (!isJsonObject(day) || day['kind'] !== 'off' || day['scope'] !== 'national') return [];
    const { date, name } = day;
    return typeof date === 'string' && typeof name === 'string' && date.startsWith(`${year}-`) ? [{ date, name }] : [];
  });

function doubled(
  file: CalendarFile,
  list: string,
  entries: readonly Json[],
  keyOf: (entry: JsonObject) => string,
): SetupFault[] {
  const keys = entries.map((entry) => (isJsonObject(entry) ? keyOf(entry) : undefined));
  return keys.flatMap((key, index) =>
    key === undefined || keys.indexOf(key) === index
      ? []
      : [file.fault([list, index], `${key} 写了两次`, `${key} stands twice`)],
  );
}
