import { type Fault, fault } from '../fault.ts';
import type { Coverage } from './work-calendar.ts';

/** What to say of a date that depends on a year which is not known for certain; undefined where it is. */
export function coverageFault(coverage: Coverage, years: string): Fault | undefined {
  if (coverage === 'covered') return undefined;
  if (coverage === 'provisional') {
    return fault(
      'warning',
      'CALENDAR_PROVISIONAL',
      `${years} 年的工作日历是暂定的，尚待国务院办公厅或自治区的放假通知；通知发布后用 hub calendar import 录入`,
      `the work calendar of ${years} is provisional until the notices are out; enter them with hub calendar import`,
    );
  }
  return fault(
    'error',
    'CALENDAR_MISSING',
    `没有 ${years} 年的工作日历，日期只按周一至周五推算，不可信；请用 hub calendar import 录入放假通知`,
    `there is no work calendar for ${years}: dates assume Monday to Friday and cannot be trusted; enter the notice with hub calendar import`,
  );
}
