import type { Hub } from '../../src/hub-context.ts';
import type { PushJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import type { PlatformSpec } from '../../src/platform-spec.ts';
import { pull } from '../../src/pull/pull.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunReport } from '../../src/run-report.ts';
import { type BatchRow, listBatches } from '../../src/store/outbox.ts';
import { NOW, openTestHub, page, pullJob, row, schemas, sourceOf } from '../support/hub.ts';

/** A hub with licences in its library and one platform to which people carry. */
export interface CarryBench {
  readonly hub: Hub;
  readonly job: PushJob;
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: (options?: { readonly followUpOnly?: boolean }) => Promise<RunReport>;
  /** Oldest first. */
  readonly batches: () => Promise<BatchRow[]>;
}

export async function carryBench(url: string, platform: PlatformSpec): Promise<CarryBench> {
  const clock = { now: NOW };
  const job: PushJob = {
    kind: 'push',
    name: 'push-uploads',
    file: 'jobs/push-uploads.yaml',
    title: { zh: '报送', en: 'Push' },
    platformName: 'uploads',
    platform: { batchSize: 10, sender: { code: '11450000007560019Y', name: '测试局' }, ...platform },
    types: { 'licence/*': ['credit-sharing/licence-2018'] },
  };
  const hub = await openTestHub(url, [pullJob(), job], clock);
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const signal = new AbortController().signal;
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const { db, now, localDate } = hub;
    const common = { db, type, schemasDigest: schemas.digest, runId: 1, now, localDate, signal, dryRun: false };
    const source = sourceOf(page(rows));
    const { stopped } = await pull(pullJob(), { ...common, acceptShrink: false, source });
    if (stopped !== undefined) throw stopped;
  };
  const push = (options = {}) => runJob(hub, job.name, { signal, by: 'shell:test', ...options });
  const batches = async () => (await listBatches(hub.db, { platform: 'uploads' })).toReversed();
  return { hub, job, clock, take, push, batches };
}

export const licences = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));
