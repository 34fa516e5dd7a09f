import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SetupFault } from '../errors.ts';
import { readJsonFile } from '../schema/schema-file.ts';
import { type CalendarTable, EMPTY_TABLE } from './calendar-table.ts';
import { readCalendar } from './read-calendar.ts';

export const calendarFile = (schemasDir: string): string => join(schemasDir, 'calendar.json');

/** The table of the schemas folder; without the file, nothing was entered over the national calendar. */
export function loadCalendar(path: string): { readonly table: CalendarTable; readonly faults: readonly SetupFault[] } {
  if (!existsSync(path)) return { table: EMPTY_TABLE, faults: [] };
  const { file, faults } = readJsonFile(path, 'calendar');
  if (file === undefined) return { table: EMPTY_TABLE, faults };
  const read = readCalendar(file);
  return { table: read.table, faults: [...faults, ...read.faults] };
}
