import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunReport } from '../../src/run-report.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import { type Behaviour, type PlatformServer, platformServer } from '../support/platform-server.ts';

export interface Bench {
  readonly hub: Hub;
  /** Answers to come, in order; then everything is accepted. */
  readonly script: Behaviour[];
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: () => Promise<RunReport>;
  /** What came to the platform. */
  readonly requests: PlatformServer['requests'];
}

/** A hub with one bureau and one platform, on a database of this test. */
export async function bench(url: string, platform: Parameters<typeof pushJob>[1] = {}): Promise<Bench> {
  const script: Behaviour[] = [];
  const far = await platformServer({ script });
  cleanUp(() => far.close());
  const clock = { now: NOW };
  const hub = await openTestHub(url, [pullJob(), pushJob(far.url, platform)], clock, { signer: 'own' });
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const signal = new AbortController().signal;
  const common = { db: hub.db, type, schemasDigest: schemas.digest, runId: 1, now: hub.now, localDate: hub.localDate };
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const source = sourceOf(page(rows));
    const { stopped } = await pull(pullJob(), { ...common, source, signal, dryRun: false, acceptShrink: false });
    if (stopped !== undefined) throw stopped;
  };
  const push = () => runJob(hub, 'push-credit-sharing', { signal, by: 'shell:test' });
  return { hub, script, clock, take, push, requests: far.requests };
}

export const rows = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));
