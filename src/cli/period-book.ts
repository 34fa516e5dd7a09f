import type { PeriodBook } from '../engine/scheduler.ts';
import type { Hub } from '../hub-context.ts';
import { closePeriods } from '../periods/close-periods.ts';
import { extraPushAt } from '../periods/extra-push.ts';
import { type Looked, owedPeriod } from '../periods/owed-period.ts';
import { dutyJobs, periodContext } from '../periods/period-context.ts';
import { tick } from '../periods/tick.ts';
import { thisProcess } from '../store/leases.ts';

/** The scheduler's memory of Fridays: the table `periods` and what stands around it. */
export function databasePeriodBook(hub: Hub): PeriodBook {
  const holder = thisProcess();
  const looked: Looked = new Map();
  return {
    async tick() {
      const context = { ...periodContext(hub), db: hub.db, trace: hub.trace, holder };
      await tick(context);
      for (const job of dutyJobs(hub.jobs)) await closePeriods(job, context);
    },
    owed: (job) => owedPeriod(job, periodContext(hub), looked),
    extraPush: (job) => extraPushAt(hub, job),
  };
}
