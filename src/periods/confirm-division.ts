import { HubError } from '../errors.ts';
import { divisions, type Hub } from '../hub-context.ts';
import { confirm } from '../store/confirmations.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { didYouMean } from '../suggest.ts';
import { choosePeriod } from './choose-period.ts';
import { needsConfirmation } from './confirmation.ts';
import { type DutyJob, periodContext } from './period-context.ts';

export interface DivisionYes {
  readonly period: string;
  readonly division: string;
  /** Absent: all of the division's types. */
  readonly type?: string | undefined;
  readonly by: string;
  readonly reason: string;
}

/** A division says yes to what leaves in one period. False when it had said so before. Throws CONFIRMATION_…, PERIOD_…. */
export async function confirmDivision(hub: Hub, job: DutyJob, yes: DivisionYes): Promise<boolean> {
  const { period, division, type = '', by, reason } = yes;
  refuseUnknown(hub, division);
  const waits = [...hub.types.keys()].some((one) => (type === '' || one === type) && needsConfirmation(job, one));
  if (!waits) {
    throw new HubError(
      'CONFIRMATION_NEEDLESS',
      `${job.name} 的 ${type || '任何类型'} 不需要确认 (nothing to confirm)`,
      {
        remedy: 'give-up',
        fix: '需要确认的类型写在作业的 confirm 里 (types that need it stand under confirm in the job)',
      },
    );
  }
  await choosePeriod(job, periodContext(hub), period);
  const at = hub.now();
  const platform = job.platformName;
  return inTransaction(hub.db, async (tx) => {
    const fresh = await confirm(tx, {
      platform,
      period,
      division,
      type,
      confirmedBy: by,
      reason,
      at: at.toISOString(),
    });
    if (!fresh) return false;
    const detail = { period, division, type, reason };
    await appendLog(tx, at, [{ actor: by, action: 'preview.confirmed', platform, detail }]);
    return true;
  });
}

/** Throws HubError DIVISION_UNKNOWN for a division that no pull job names. */
export function refuseUnknown({ jobs }: Hub, division: string): void {
  const known = new Set(divisions(jobs).values());
  if (known.has(division)) return;
  const hint = didYouMean(division, known);
  throw new HubError('DIVISION_UNKNOWN', `没有处室 ${division}${hint.zh} (there is no such division${hint.en})`, {
    remedy: 'give-up',
    fix: `现有处室 (divisions): ${[...known].join('、')}`,
  });
}
