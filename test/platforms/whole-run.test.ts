import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../src/canonical.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { PushJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import type { FrontDatabaseSpec, PlatformSpec } from '../../src/platform-spec.ts';
import { pull } from '../../src/pull/pull.ts';
import { reconcilePlatform } from '../../src/reconcile/reconcile.ts';
import { runJob } from '../../src/run-job.ts';
import { select } from '../../src/store/database.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { openTrace } from '../../src/trace.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import type { FarEnd } from './contract.ts';
import { httpFarEnd } from './http-far-end.ts';
import { PASSWORD, type SoapFar, soapDialect, soapSpec } from './soap-dialect.ts';

const signal = new AbortController().signal;

interface Bench {
  readonly hub: Hub;
  readonly job: PushJob;
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: () => ReturnType<typeof runJob>;
}

/** A hub with one bureau and this platform. */
async function bench(url: string, platform: PlatformSpec): Promise<Bench> {
  const clock = { now: NOW };
  const job: PushJob = { ...pushJob('http://127.0.0.1:1'), platform };
  const hub = await openTestHub(url, [pullJob(), job], clock);
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  return {
    hub,
    job,
    clock,
    take: async (...rows) => {
      const { db, now, localDate } = hub;
      const common = {
        db,
        type,
        now,
        localDate,
        signal,
        schemasDigest: schemas.digest,
        runId: 1,
        dryRun: false,
        acceptShrink: false,
      };
      const { stopped } = await pull(pullJob(), { ...common, source: sourceOf(page(rows)) });
      if (stopped !== undefined) throw stopped;
    },
    push: () => runJob(hub, 'push-credit-sharing', { signal, by: 'shell:test' }),
  };
}

const some = (count: number): JsonObject[] => Array.from({ length: count }, (_, index) => row(index + 1));

const sealedBodies = (hub: Hub) =>
  select<{ id: string; digest: Buffer; type: string; state: string }>(
    hub.db,
    'SELECT id, body_digest AS "digest", content_type AS "type", state FROM batches ORDER BY seq',
  );

onBothDatabases('a SOAP platform that is only configured, from', ({ url }) => {
  async function start(): Promise<Bench & { readonly far: FarEnd; readonly dialect: SoapFar }> {
    const dialect = soapDialect();
    const far = await httpFarEnd(dialect, (address) => soapSpec(address, { batchSize: 10 }));
    return { ...(await bench(await url(), far.spec)), far, dialect };
  }

  test('gets every record once, in bytes that are frozen at seal', async () => {
    const { take, push, hub, far, dialect } = await start();
    await take(...some(25));
    expect(await push()).toMatchObject({ state: 'done', counts: { sealed: 25, accepted: 25, batches: 3 } });
    const held = await far.held();
    expect([held.length, held.every(({ times }) => times === 1)]).toEqual([25, true]);
    const sealed = await sealedBodies(hub);
    expect(sealed.map(({ type }) => type)).toEqual(Array(3).fill('text/xml; charset=utf-8'));
    expect(dialect.submits.map((bytes) => sha256(bytes)).toSorted()).toEqual(
      sealed.map(({ digest }) => digest.toString('hex')).toSorted(),
    );
  });

  test('is asked for a lost answer, and nothing is sent twice', async () => {
    const { take, push, far, dialect } = await start();
    await take(...some(3));
    await far.loseAnswer();
    expect(await push()).toMatchObject({ state: 'done', counts: { accepted: 3 } });
    expect((await far.held()).map(({ times }) => times)).toEqual([1, 1, 1]);
    expect(dialect.submits).toHaveLength(1);
  });

  test('that refuses whole packages gets halves until only the bad record is left (F24)', async () => {
    const { take, push, hub, far, dialect } = await start();
    dialect.refuse('印证字第450000004号');
    await take(...some(10));
    expect(await push()).toMatchObject({ counts: { accepted: 9, rejected: 1 } });
    expect(await far.held()).toHaveLength(9);
    expect(await listQuarantine(hub.db, {})).toMatchObject([
      { stage: 'platform', number: '（桂）印证字第450000004号' },
    ]);
  });
});

onBothDatabases('what a SOAP platform must not leak, from', ({ name, url }) => {
  test('neither password nor token stands in the trace, the report, the library or the log (S22)', async () => {
    const [folder, address] = [temporaryFolder(), await url()];
    const dialect = soapDialect();
    const far = await httpFarEnd(dialect, (at) => soapSpec(at));
    const { hub, take, push, clock } = await bench(address, far.spec);
    const trace = openTrace({ dir: folder, level: 'debug', console: 'off' });
    Object.assign(hub, { trace });
    await take(...some(3));
    const reports = [await push()];
    await take(...some(4));
    clock.now = new Date(clock.now.getTime() + 3_600_000);
    await far.loseAnswer();
    reports.push(await push());
    const wrong = { ...far.spec, url: 'https://127.0.0.1:1' } as PlatformSpec;
    const broken = await bench(await url(), wrong);
    Object.assign(broken.hub, { trace });
    await broken.take(...some(1));
    reports.push(await broken.push());
    await trace.close();
    expect(reports.map(({ state }) => state)).toEqual(['done', 'done', 'failed']);
    const rows = await Promise.all(['batches', 'attempts', 'receipts', 'runs'].map((table) => hub.db(table).select()));
    const files = globSync('trace-*.log', { cwd: folder }).map((file) => readFileSync(join(folder, file), 'latin1'));
    expect(files.join()).toContain('run.end');
    const bytes = name === 'SQLite' ? readFileSync(address.slice('sqlite:'.length), 'latin1') : '';
    const text =
      inspect([reports, rows], { depth: 9, maxStringLength: null, maxArrayLength: null }) + files.join() + bytes;
    for (const canary of [PASSWORD, 'canary-pass', 'tok-1-canary']) expect(text).not.toContain(canary);
  });
});

/** A front-end database with a table as the form wants it. */
function frontDatabase(): { readonly spec: FrontDatabaseSpec; readonly db: Database.Database } {
  const file = join(temporaryFolder(), 'front.db');
  const db = new Database(file);
  onTestFinished(() => void db.close());
  const business = schemas.forms.get('credit-sharing/licence-2018')?.columns ?? [];
  const marks = ['BATCH_NO', 'OP', 'PUSH_TIME', 'SYNC_FLAG', 'SYNC_TIME', 'ERR_CODE', 'ERR_MSG'];
  const columns = [...marks, ...business.map(({ name }) => name)].map((name) => `${name} VARCHAR(4000)`);
  db.exec(`CREATE TABLE T_XK (ROW_ID VARCHAR(40) PRIMARY KEY, ${columns.join(', ')})`);
  db.exec(
    'CREATE TABLE hub_batch (batch_id VARCHAR(40) PRIMARY KEY, manifest_digest CHAR(64), n INTEGER, epoch INTEGER)',
  );
  const spec: FrontDatabaseSpec = {
    ...{ use: 'front-database', url: `sqlite:${file}`, tables: { XK_FR: 'T_XK' } },
    ...{ receipts: 'async', batchSize: 10, timeout: 5, doneWhen: 'received' },
  };
  return { spec, db };
}

onBothDatabases('a front-end database, from', ({ url }) => {
  test('takes batches, writes results back, gets withdrawals, and is reconciled', async () => {
    const { spec, db } = frontDatabase();
    const { take, push, hub, job, clock } = await bench(await url(), spec);
    const later = (minutes: number): void => {
      clock.now = new Date(clock.now.getTime() + minutes * 60_000);
    };
    db.exec(
      "CREATE TRIGGER picks AFTER INSERT ON T_XK BEGIN UPDATE T_XK SET SYNC_FLAG = '2' WHERE ROW_ID = NEW.ROW_ID; END",
    );
    await take(...some(25));
    expect(await push()).toMatchObject({ state: 'done', counts: { sealed: 25, accepted: 25, unsettled: 0 } });
    expect(db.prepare('SELECT COUNT(*) AS n FROM hub_batch').get()).toEqual({ n: 3 });
    later(60);
    await take(row(3, { status: 'revoked', ended: '2026-11-25' }));
    expect(await push()).toMatchObject({ counts: { withdrawn: 1 } });
    expect(db.prepare("SELECT COUNT(*) AS n FROM T_XK WHERE OP = 'D'").get()).toEqual({ n: 1 });
    later(600);
    const options = { signal, by: 'shell:test' };
    expect(await reconcilePlatform(hub, job, options)).toMatchObject({ missing: 0, extra: 0, stale: 0 });
    db.exec("DELETE FROM T_XK WHERE XK_XKBH LIKE '%450000007号'");
    db.exec("UPDATE T_XK SET XK_NR = '被改动' WHERE XK_XKBH LIKE '%450000008号'");
    expect(await reconcilePlatform(hub, job, options)).toMatchObject({ missing: 1, extra: 0, stale: 1 });
  });
});
