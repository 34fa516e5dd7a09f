import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { type Resynced, type ResyncOptions, resync } from '../../src/resync/resync.ts';
import type { Selection } from '../../src/resync/selection.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunReport } from '../../src/run-report.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import {
  type Behaviour,
  type PlatformServer,
  type PlatformServerOptions,
  platformServer,
} from '../support/platform-server.ts';

export interface Bench {
  readonly hub: Hub;
  readonly server: PlatformServer;
  readonly script: Behaviour[];
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: () => Promise<RunReport>;
  readonly resync: (selection?: Partial<Selection>, options?: Partial<ResyncOptions>) => Promise<Resynced>;
}

/** A bureau, a library and a platform, with a resync that needs a second person above `most` records. */
export async function bench(
  url: string,
  server: PlatformServerOptions & { readonly most?: number } = {},
): Promise<Bench> {
  const script: Behaviour[] = server.script ?? [];
  const far = await platformServer({ ...server, script });
  cleanUp(() => far.close());
  const clock = { now: NOW };
  const opened = await openTestHub(url, [pullJob(), pushJob(far.url)], clock);
  const hub = { ...opened, settings: { ...opened.settings, resyncApproval: server.most ?? 100 } };
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const signal = new AbortController().signal;
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const { db, now, localDate } = hub;
    const common = { db, type, schemasDigest: schemas.digest, runId: 1, now, localDate, signal };
    const job = { ...common, dryRun: false, acceptShrink: false, source: sourceOf(page(rows)) };
    const { stopped } = await pull(pullJob(), job);
    if (stopped !== undefined) throw stopped;
  };
  const everything = { platform: 'credit-sharing', types: [], keys: [], failedOnly: false, again: false };
  const usual = { by: 'user:wei', reason: '平台丢失', signal, dryRun: false, anew: false, waitMs: 0 };
  return {
    hub,
    server: far,
    script,
    clock,
    take,
    push: () => runJob(hub, 'push-credit-sharing', { signal, by: 'scheduler' }),
    resync: (selection = {}, options = {}) => resync(hub, { ...everything, ...selection }, { ...usual, ...options }),
  };
}

export const rows = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

export interface Sent {
  readonly rowId: string;
  readonly op: string;
  readonly dataVersion: number;
  readonly payloadHash: string;
}

/** Every record that ever reached the platform, in order. */
export const arrived = ({ server }: Bench): Sent[] =>
  server.requests
    .filter(({ method }) => method === 'POST')
    .flatMap(({ body }) => (JSON.parse(body.toString()) as { records: Sent[] }).records);

/** The preview's counts that are not 0, or the outcome where there is none. */
export function counted(done: Resynced): object | string {
  if (!('preview' in done) || done.preview === undefined) return done.outcome;
  return Object.fromEntries(Object.entries(done.preview.counts).filter(([, count]) => count > 0));
}
