import { alwaysTry } from '../../src/delivery/backoff.ts';
import { PACKAGE_FORM } from '../../src/delivery/wire-form.ts';
import { settleLog } from '../../src/evidence/keep-log.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { signerInMemory } from '../../src/evidence/signer-files.ts';
import type { Hub } from '../../src/hub-context.ts';
import { formsByType } from '../../src/job/forms-by-type.ts';
import type { PullJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { openGuard } from '../../src/push/guard.ts';
import { type Pushed, push } from '../../src/push/push.ts';
import type { Push } from '../../src/push/push-context.ts';
import type { Withdraw } from '../../src/push/withdraw.ts';
import { pushLease, takeLease, thisProcess } from '../../src/store/leases.ts';
import { type LogLine, listLog } from '../../src/store/log.ts';
import { readReleases } from '../../src/store/releases.ts';
import { silentTrace } from '../../src/trace.ts';
import { NOW, openTestHub, page, pullJob, pushJob, schemas, sourceOf } from '../support/hub.ts';
import { type FarEnd, farEnd } from './far-end.ts';

/** A hub on one database and one platform in this process: the protocol without sockets. */
export interface Bench {
  readonly hub: Hub;
  readonly far: FarEnd;
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: (change?: Partial<Push>) => Promise<Pushed>;
  readonly context: (change?: Partial<Push>) => Promise<Push & Withdraw>;
  readonly wait: (seconds: number) => void;
  /** Another platform; the database is the caller's to empty. */
  readonly afresh: () => void;
}

const HOUR_MS = 3_600_000;

export const PLATFORM = 'credit-sharing';

export async function bench(url: string, job: PullJob = pullJob()): Promise<Bench> {
  const clock = { now: NOW };
  let far = farEnd();
  const push_ = { ...pushJob('http://127.0.0.1:1'), types: TYPES };
  // A signer of this bench alone: clocks leap by days here, and what nobody signs for four hours stops every push.
  const signer = signerInMemory('hub-under-test/delivery-log');
  const hub = { ...(await openTestHub(url, [job, push_], clock, { signer: 'own' })), signer };
  const signal = new AbortController().signal;
  let [run, signedAt] = [0, 0];
  const context = async (change: Partial<Push> = {}): Promise<Push & Withdraw> => {
    const lease = await takeLease(hub.db, pushLease(PLATFORM), `${thisProcess()}/${run}`, -1);
    run += 1;
    const terms = {
      idempotent: true,
      idempotencyTtlMs: 86_400_000,
      queryable: true,
      querySettleMs: 0,
      answerWithinMs: 48 * 3_600_000,
      clock: (at: Date) => at.toISOString(),
      isOpen: () => true,
      requestMs: 2000,
    };
    return {
      ...formsByType(push_, hub.types, hub.forms),
      wire: PACKAGE_FORM,
      hubId: 'hub-under-test',
      platformName: PLATFORM,
      sender: { code: '', name: 'test' },
      releases: await readReleases(hub.db),
      batchSize: 10,
      db: hub.db,
      platform: far,
      types: hub.types,
      localDate: hub.localDate,
      divisionOf: (name) => name,
      ticketsOpen: () => true,
      ticketOpened: () => {},
      period: null,
      terms,
      guard: await openGuard(hub.db, PLATFORM),
      lease: { leftMs: () => 60_000, doubtMs: 0, takenAt: clock.now },
      mayTryNow: alwaysTry,
      random: () => 0,
      epoch: lease?.epoch ?? 0,
      runId: run,
      actor: 'shell:test',
      now: hub.now,
      signal,
      trace: silentTrace,
      concurrency: 1,
      receiptWaitMs: 0,
      seals: 'all',
      dryRun: false,
      ...change,
    };
  };
  const type = schemas.types.get(job.type);
  if (type === undefined) throw new Error('no such type');
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const common = {
      db: hub.db,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
    };
    const options = { ...common, signal, dryRun: false, acceptShrink: false, source: sourceOf(page(rows)) };
    const { stopped } = await pull(job, options);
    if (stopped !== undefined) throw stopped;
  };
  return {
    hub,
    get far() {
      return far;
    },
    afresh: () => {
      far = farEnd();
    },
    clock,
    take,
    context,
    push: async (change) => {
      // Clocks leap here: the log must not look as if nobody had signed it for hours.
      if (clock.now.getTime() - signedAt > HOUR_MS) {
        await settleLog(hub.db, signer, clock.now);
        signedAt = clock.now.getTime();
      }
      return push(await context(change));
    },
    wait: (seconds) => {
      clock.now = new Date(clock.now.getTime() + seconds * 1000);
    },
  };
}

/** Everything that stands in the log, newest first. */
export async function logOf({ db }: Hub): Promise<LogLine[]> {
  await sequenceAll(db);
  return listLog(db, { limit: 10_000 });
}

const TYPES = {
  'licence/*': ['credit-sharing/licence-2018', 'credit-sharing/licence-2018-natural'],
  'penalty/*': ['credit-sharing/penalty-2018', 'credit-sharing/penalty-2018-natural'],
};
