import { type Hub, openHub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { runJob } from '../run-job.ts';
import { findBatches } from '../store/outbox.ts';
import { actor } from './actor.ts';
import { notThere } from './print.ts';
import { readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';

/** For commands about one platform: the hub, the job that pushes to it, and who acts. */
export async function withPlatform(
  name: string,
  work: (hub: Hub, job: PushJob, by: string) => Promise<number>,
): Promise<number> {
  const setup = readSoundSetup();
  const pushes = setup.jobs.filter((job): job is PushJob => job.kind === 'push');
  const job = pushes.find(({ platformName }) => platformName === name);
  if (job === undefined) {
    const known = pushes.map(({ platformName }) => platformName).join(', ');
    throw notThere(
      'PLATFORM_UNKNOWN',
      `没有平台 ${name}`,
      `there is no platform ${name}`,
      `现有平台 (platforms): ${known || '—'}`,
    );
  }
  const hub = await openHub(setup);
  try {
    return await work(hub, job, actor(setup.env));
  } finally {
    await hub.close();
  }
}

/** How a batch stands after what came for it was judged. */
export interface After {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
}

/** Lets the protocol judge what came: it settles, quarantines, or says that it contradicts. */
export async function followUp(
  hub: Hub,
  job: PushJob,
  { by, reason, batches }: { readonly by: string; readonly reason: string; readonly batches: readonly string[] },
): Promise<After[]> {
  await untilSignal((signal) => runJob(hub, job.name, { signal, by, reason, followUpOnly: true }));
  const after: After[] = [];
  for (const id of new Set(batches)) {
    const [batch] = await findBatches(hub.db, id);
    if (batch !== undefined) after.push({ id, state: batch.state, reason: batch.reason });
  }
  return after;
}
