import { passage } from '../delivery/breaker.ts';
import { isOpenAt, wallClock } from '../delivery/sending-window.ts';
import type { Hub } from '../hub-context.ts';
import { formsByType } from '../job/forms-by-type.ts';
import type { PushJob } from '../job/job.ts';
import { readBreaker } from '../store/breakers.ts';
import { platformsToFollow } from '../store/outbox.ts';
import { awaitsWithdrawal } from '../store/pending.ts';
import { listPauses } from '../store/stops.ts';
import { penalties } from './run-push.ts';
import { endPublicity } from './withdraw.ts';

/** What cannot wait for the next Friday. */
export interface DueNow {
  readonly job: PushJob;
  /** A withdrawal is to be sent; else receipts are due and failed batches to be tried again. */
  readonly urgent: boolean;
}

/**
 * Push jobs that have something to do between their Fridays: a record that is shown must be withdrawn (revoked, corrected, repaired,
 * publicity over), a receipt is due, a failed batch may be tried again. Platforms that nothing may be sent to are left alone.
 */
export async function dueNow(hub: Hub): Promise<readonly DueNow[]> {
  const { db, now } = hub;
  await endPublicity(penalties([...hub.types.keys()]), { ...hub, actor: 'hub' });
  const toFollow = await platformsToFollow(db, now());
  const due: DueNow[] = [];
  for (const job of hub.jobs.filter((candidate): candidate is PushJob => candidate.kind === 'push')) {
    const urgent = (await mayBeSentTo(hub, job)) && (await shows(hub, job));
    if (urgent || toFollow.includes(job.platformName)) due.push({ job, urgent });
  }
  return due;
}

async function mayBeSentTo({ db, now, settings }: Hub, { platformName, platform }: PushJob): Promise<boolean> {
  if (!isOpenAt(platform.sendingWindow, wallClock(now(), settings.timezone))) return false;
  if ((await listPauses(db, platformName)).length > 0) return false;
  return passage(await readBreaker(db, platformName), now()) !== 'none';
}

const shows = ({ db, types, forms }: Hub, job: PushJob): Promise<boolean> => {
  const { fullState, everyVersion } = formsByType(job, types, forms);
  return awaitsWithdrawal(db, { platform: job.platformName, types: fullState, everyVersion });
};
