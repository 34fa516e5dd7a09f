import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { createScheduler, type PeriodBook, type RunBook, type Work } from '../../src/engine/scheduler.ts';
import type { Job, PullJob, PushJob } from '../../src/job/job.ts';
import { silentTrace } from '../../src/trace.ts';

interface Row {
  readonly job: string;
  readonly due: string | null;
  readonly state: string;
}

/** Runs in a real table, one process per bundle; the table's UNIQUE is what decides. */
function openBook(file: string) {
  const db = new Database(file);
  db.exec(
    `CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, job TEXT, due TEXT, state TEXT, reason TEXT, UNIQUE (job, due))`,
  );
  const add = db.prepare('INSERT OR IGNORE INTO runs (job, due, state, reason) VALUES (?, ?, ?, ?)');
  const book: RunBook = {
    async lastDueAt(job) {
      const row = db
        .prepare<[string], { due: string | null }>('SELECT MAX(due) AS due FROM runs WHERE job = ?')
        .get(job);
      return row?.due ? new Date(row.due) : undefined;
    },
    async claim(job, dueAt, { state, reason }) {
      const { changes, lastInsertRowid } = add.run(job.name, dueAt.toISOString(), state, reason ?? null);
      return changes === 1 ? Number(lastInsertRowid) : undefined;
    },
    async cutOff() {
      db.exec("UPDATE runs SET state = 'died' WHERE state = 'running'");
      const last = "SELECT job FROM runs r WHERE state = 'died' AND id = (SELECT MAX(id) FROM runs WHERE job = r.job)";
      return db
        .prepare<[], { job: string }>(last)
        .all()
        .map(({ job }) => job);
    },
    async isReading() {
      return db.prepare("SELECT 1 FROM runs WHERE job LIKE 'pull-%' AND state = 'running'").get() !== undefined;
    },
    async startAgain(job, reason) {
      return Number(add.run(job.name, null, 'running', reason).lastInsertRowid);
    },
    async markDied(run) {
      db.prepare("UPDATE runs SET state = 'died' WHERE id = ?").run(run);
    },
  };
  const end = (run: number): unknown => db.prepare("UPDATE runs SET state = 'done' WHERE id = ?").run(run);
  const rows = (): string[] =>
    db
      .prepare<[], Row>('SELECT job, due, state FROM runs ORDER BY id')
      .all()
      .map((row) => `${row.job} ${row.due?.slice(5, 16)} ${row.state}`);
  return { db, book, end, rows };
}

const pull = (cron: string, catchUpS = 72_000): Job =>
  ({ kind: 'pull', name: 'pull-a', schedule: { cron, catchUpS } }) as PullJob;
/** A push at times of its own; duties have periods (test/periods/). */
const push = (cron = '0 9 * * 5'): Job =>
  ({ kind: 'push', name: 'push-p', schedule: { cron, catchUpS: 86_400 } }) as PushJob;
const noPeriods: PeriodBook = {
  tick: async () => {},
  owed: async () => undefined,
  extraPush: async () => undefined,
};

function bundle(
  jobs: readonly Job[],
  options: { readonly file?: string; readonly work?: (work: Work) => Promise<void> } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'hub-scheduler-'));
  const file = options.file ?? join(folder, 'runs.db');
  const opened = openBook(file);
  const worked: string[] = [];
  const clock = { now: new Date('2026-11-27T00:00:00Z') };
  const run = async (work: Work): Promise<void> => {
    worked.push(work.job);
    await options.work?.(work);
    opened.end(work.run);
  };
  const parts = {
    jobs,
    zone: 'Asia/Shanghai',
    book: opened.book,
    periods: noPeriods,
    engine: { run },
    now: () => clock.now,
    trace: silentTrace,
  };
  const scheduler = createScheduler(parts);
  onTestFinished(async () => {
    await scheduler.stop();
    opened.db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const at = (iso: string): Promise<void> => {
    clock.now = new Date(iso);
    return scheduler.ring();
  };
  return { ...opened, file, clock, scheduler, worked, at };
}

test('a due time is run once, however often the bell rings', async () => {
  const { at, rows } = bundle([push()]);
  await at('2026-11-27T00:59:00Z');
  expect(rows()).toEqual([]);
  await at('2026-11-27T01:00:00Z');
  await at('2026-11-27T01:00:30Z');
  await at('2026-11-27T01:07:00Z');
  expect(rows()).toEqual(['push-p 11-27T01:00 done']);
});

test('two processes on one database run a due time once', async () => {
  const one = bundle([push()]);
  const other = bundle([push()], { file: one.file });
  await Promise.all([one.at('2026-11-27T01:00:00Z'), other.at('2026-11-27T01:00:00Z')]);
  expect([...one.worked, ...other.worked]).toEqual(['push-p']);
});

test('of several missed times the newest is run at start and the others are recorded as skipped', async () => {
  const { at, clock, rows, scheduler } = bundle([pull('0 */6 * * *')]);
  await at('2026-11-26T16:00:00Z');
  clock.now = new Date('2026-11-27T11:00:00Z');
  await scheduler.start();
  expect(rows().slice(-3)).toEqual([
    'pull-a 11-26T22:00 skipped',
    'pull-a 11-27T04:00 skipped',
    'pull-a 11-27T10:00 done',
  ]);
});

test('times before the catch-up span are not run, and one row says so', async () => {
  const { at, rows } = bundle([pull('30 2 * * *', 3600)]);
  await at('2026-11-20T18:30:00Z');
  await at('2026-11-24T06:00:00Z');
  expect(rows()).toEqual(['pull-a 11-20T18:30 done', 'pull-a 11-23T18:30 skipped']);
  await at('2026-11-24T18:31:00Z');
  expect(rows().at(-1)).toBe('pull-a 11-24T18:30 done');
});

test('a push that is owed together with a pull waits for what the pull brings', async () => {
  const order: string[] = [];
  const { at } = bundle([push(), pull('0 9 * * *')], {
    work: async ({ job }) => {
      order.push(`${job} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${job} ends`);
    },
  });
  await at('2026-11-27T01:00:00Z');
  expect(order).toEqual(['pull-a begins', 'pull-a ends', 'push-p begins', 'push-p ends']);
});

test('a push waits while a source is read by another process, and the one that ends the last pull goes on with it', async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const jobs = [push(), pull('0 9 * * *')];
  const one = bundle(jobs, {
    work: ({ job }) => {
      begun.resolve();
      return job === 'pull-a' ? gate.promise : Promise.resolve();
    },
  });
  const other = bundle(jobs, { file: one.file });
  const first = one.at('2026-11-27T01:00:00Z');
  await begun.promise;
  await other.at('2026-11-27T01:00:30Z');
  await other.at('2026-11-27T01:01:00Z');
  await one.at('2026-11-27T01:01:00Z');
  expect([...one.worked, ...other.worked]).toEqual(['pull-a']);
  gate.resolve();
  await first;
  expect([one.worked, other.worked]).toEqual([['pull-a', 'push-p'], []]);
});

test('a job has one run at a time, and what came due meanwhile is one run after it', async () => {
  const gate = Promise.withResolvers<void>();
  const { at, rows } = bundle([pull('* * * * *', 120)], { work: () => gate.promise });
  const first = at('2026-11-27T01:00:00Z');
  await new Promise((resolve) => setImmediate(resolve));
  await at('2026-11-27T01:01:00Z');
  await at('2026-11-27T01:02:00Z');
  gate.resolve();
  await first;
  await at('2026-11-27T01:02:30Z');
  expect(rows().filter((row) => row.endsWith('done'))).toEqual(['pull-a 11-27T01:00 done', 'pull-a 11-27T01:02 done']);
});

test('a run that was cut off goes on at the next start, once', async () => {
  const { clock, rows, scheduler, worked, db } = bundle([pull('30 2 * * *')]);
  db.exec("INSERT INTO runs (job, due, state) VALUES ('pull-a', '2026-11-26T18:30:00.000Z', 'running')");
  clock.now = new Date('2026-11-26T18:40:00Z');
  await scheduler.start();
  await scheduler.ring();
  expect(rows()).toEqual(['pull-a 11-26T18:30 died', 'pull-a undefined done']);
  expect(worked).toEqual(['pull-a']);
});

test('a cut-off run whose next time has come is made good by that time alone', async () => {
  const { clock, scheduler, worked, db } = bundle([pull('30 2 * * *')]);
  db.exec("INSERT INTO runs (job, due, state) VALUES ('pull-a', '2026-11-25T18:30:00.000Z', 'running')");
  clock.now = new Date('2026-11-26T18:40:00Z');
  await scheduler.start();
  expect(worked).toEqual(['pull-a']);
});

test('a worker that dies leaves a died run and the scheduler goes on', async () => {
  const { at, rows } = bundle([pull('0 * * * *')], { work: () => Promise.reject(new Error('boom')) });
  await at('2026-11-27T01:00:00Z');
  await at('2026-11-27T02:00:00Z');
  expect(rows().slice(-2)).toEqual(['pull-a 11-27T01:00 died', 'pull-a 11-27T02:00 died']);
});

test('after a stop nothing begins', async () => {
  const { at, scheduler, worked } = bundle([push()]);
  await scheduler.stop();
  await at('2026-11-27T01:00:00Z');
  expect(worked).toEqual([]);
});
