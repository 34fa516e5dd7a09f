import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import type { FerryPlatformSpec } from '../platform-spec.ts';
import { acceptFerry, type FerryFile, type FerryVerdict } from './ferry-accept.ts';
import { receiptsLane } from './ferry-lanes.ts';
import { keepReturn, type ReturnReceipt } from './return-receipts.ts';

/** The near end: takes return packages off the medium; their receipts are judged by the follow-up that comes after. */
export async function takeReturns(
  hub: Hub,
  job: PushJob,
  spec: FerryPlatformSpec,
  { files, actor, reason }: { readonly files: readonly FerryFile[]; readonly actor: string; readonly reason: string },
): Promise<readonly FerryVerdict[]> {
  const { db, now, settings } = hub;
  const { channel, key, trust } = spec;
  return acceptFerry(files, {
    ...{ db, now, actor, reason, keepContent: false },
    lane: receiptsLane(job.platformName),
    trust: { channel, direction: 'back', hub: settings.hubId, key, trust },
    alsoKeep: async (tx, { content }, file) => {
      const { receipts }: { receipts: readonly ReturnReceipt[] } = JSON.parse(content.toString('utf8'));
      const how = { lane: job.platformName, file: file.name, actor, reason, now: now() };
      for (const receipt of receipts) await keepReturn(tx, receipt, how);
    },
  });
}
