import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase, select } from '../../src/store/database.ts';
import { drop } from './bureau.ts';
import type { FaultShares } from './fault-shares.ts';

export interface RigOptions {
  readonly seed: number;
  /** Address of an empty database; absent: SQLite in the rig's own folder. */
  readonly database?: string;
  /** Does the far platform do the work of a key once, or every time it comes? */
  readonly effect: 'once-per-key' | 'every-time';
  /** The tree whose hub runs; a mutant build has its own. */
  readonly root?: string;
  /** More lines of the push job's `platform`. */
  readonly platform?: string;
}

/** How one process of the hub is ended before its time. */
export interface End {
  /** `S3-intent:2`: it kills itself at the second pass. */
  readonly failpoint?: string;
  /** SIGKILL so many ms after the start. */
  readonly killAfterMs?: number;
  /** SIGKILL so many ms after the platform has seen a submit: between intent and outcome. */
  readonly killAfterSubmitMs?: number;
}

/** One hub, one bureau that drops files, one far platform, each in processes of their own. */
export interface Rig {
  readonly folder: string;
  drop(index: number, rows: readonly object[]): void;
  faults(shares: FaultShares): Promise<void>;
  /** Runs jobs in a new process; true if it came to its own end. */
  run(end?: End): Promise<boolean>;
  /** Moves the hub's clock ahead. */
  pass(ms: number): void;
  /** Without faults until nothing is open any more; the number of runs that took. */
  drain(): Promise<number>;
  /** Tables as JSON lines for the checker. */
  dump(): Promise<void>;
  close(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const JOBS = ['pull-faults', 'push-faults'];

export async function openRig(options: RigOptions): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-faults-'));
  const [inbox, jobs] = [join(folder, 'inbox'), join(folder, 'jobs')];
  for (const each of [inbox, jobs]) mkdirSync(each);
  const platform = await startPlatform(folder, options);
  const database = options.database ?? `sqlite:${join(folder, 'hub.db')}`;
  writeFileSync(join(jobs, 'pull-faults.yaml'), pullYaml(inbox));
  writeFileSync(join(jobs, 'push-faults.yaml'), pushYaml(platform.url, options.platform ?? ''));
  const build = options.root ?? root;
  const env = {
    ...process.env,
    HUB_DATABASE_URL: database,
    HUB_DATA_DIR: join(folder, 'data'),
    HUB_JOBS_DIR: jobs,
    HUB_SCHEMAS_DIR: join(build, 'schemas'),
  };
  let aheadMs = 0;
  const run = async (end: End = {}): Promise<boolean> => {
    const program = join(build, 'test/faults/hub-once.ts');
    const child = spawn(process.execPath, [program, String(aheadMs), ...JOBS], {
      cwd: folder,
      env: end.failpoint === undefined ? env : { ...env, HUB_FAILPOINT: end.failpoint },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit');
    child.stderr?.resume();
    const stop = killer(child, platform, end);
    const [code] = (await ended) as [number | null];
    stop();
    return code === 0;
  };
  return {
    folder,
    drop: (index, rows) => drop(inbox, index, rows),
    faults: async (shares) => {
      const body = JSON.stringify(shares);
      await fetch(`${platform.url}/control`, { method: 'POST', body });
    },
    run,
    pass: (ms) => {
      aheadMs += ms;
    },
    drain: async () => {
      for (let runs = 1; runs <= DRAIN_RUNS; runs += 1) {
        await run();
        if ((await openCount(database)) === 0) return runs;
        aheadMs += DRAIN_STEP_MS;
      }
      return DRAIN_RUNS;
    },
    dump: () => dumpTables(database, folder),
    close: async () => {
      platform.child.stdin?.end();
      await once(platform.child, 'exit');
      if (process.env['KEEP_FAULTS'] === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In all less than the two days that an answer may take. */
const DRAIN_RUNS = 40;
const DRAIN_STEP_MS = 45 * 60_000;

interface FarPlatform {
  readonly child: ChildProcess;
  readonly url: string;
  /** Called at each submit, until the returned function is. */
  onSubmit(work: () => void): () => void;
}

async function startPlatform(folder: string, { seed, effect }: RigOptions): Promise<FarPlatform> {
  const program = fileURLToPath(new URL('far-platform.ts', import.meta.url));
  const child = spawn(process.execPath, [program, folder, String(seed), effect], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no standard output');
  const lines = createInterface(child.stdout);
  const [url] = (await once(lines, 'line')) as [string];
  return {
    child,
    url,
    onSubmit: (work) => {
      lines.on('line', work);
      return () => void lines.off('line', work);
    },
  };
}

function killer(child: ChildProcess, platform: FarPlatform, end: End): () => void {
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number): void => void timers.push(setTimeout(() => child.kill('SIGKILL'), ms));
  if (end.killAfterMs !== undefined) later(end.killAfterMs);
  const wait = end.killAfterSubmitMs;
  const off = wait === undefined ? () => {} : platform.onSubmit(() => later(wait));
  return () => {
    off();
    for (const timer of timers) clearTimeout(timer);
  };
}

/** Batches and deliveries that still wait for something; held ones wait for a person and have their ticket. */
async function openCount(database: string): Promise<number> {
  const db = await openDatabase(database);
  try {
    const sql = `SELECT (SELECT COUNT(*) FROM batches WHERE state NOT IN ('SETTLED', 'SPLIT', 'HELD')) AS "open"`;
    const [row] = await select<{ open: number }>(db, sql);
    return Number(row?.open ?? 0);
  } finally {
    await db.destroy();
  }
}

const TABLES: { readonly [table: string]: string } = {
  batches: 'seq, id, platform, state, members, parent_id, attempts, epoch',
  deliveries: 'platform, record_id, version, rendition, operation, idem_key, payload_digest, batch_seq, state',
  intakes: 'id, row_count, accepted, unchanged, quarantined',
  records: 'id, record_key, number, newest_version, newest_operation',
  versions: 'record_id, version, operation, body, digest',
  quarantine: 'id, stage, state, record_id, version, platform',
  attempts: 'id, batch_id, attempt, epoch, action, outcome',
};

async function dumpTables(database: string, folder: string): Promise<void> {
  const db = await openDatabase(database);
  try {
    for (const [table, columns] of Object.entries(TABLES)) {
      const rows = await select<object>(db, `SELECT ${columns} FROM ${table}`);
      const text = rows.map((row) => JSON.stringify(row, (_, value) => plain(value))).join('\n');
      writeFileSync(join(folder, `${table}.jsonl`), text);
    }
  } finally {
    await db.destroy();
  }
}

/** Bytes as hex; JSON.stringify has already asked a Buffer for its own form. */
function plain(value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
  return isBytes && 'data' in value ? Buffer.from(value.data as number[]).toString('hex') : value;
}

const pullYaml = (inbox: string): string => `kind: pull
title: { zh: 归集, en: Pull }
division: 印刷发行处
source: { use: files, folder: "${inbox}", settle: 0s }
type: licence/printing
id: id
mapping:
  number: { from: number, as: licence-number }
  holder.name: { from: name, as: name }
  holder.creditCode: { from: code, as: credit-code }
  holder.legalRepresentative: person
  document.title: { const: 印刷经营许可决定书 }
  content: content
  decidedOn: { from: from, as: date }
  validFrom: { from: from, as: date }
  validUntil: { from: until, as: date }
  status: status
  statusDate: { from: ended, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
  revisedAt: { from: revised, as: timestamp }
samples:
  - raw: { id: r, number: （桂）印证字第450000123号, name: 南宁某某有限公司, code: 91450100MA5KA0017F, person: 试验, content: 印刷, from: 2026-01-05, until: 2031-01-04, status: valid }
    gives: { status: valid }
`;

const pushYaml = (url: string, more: string): string => `kind: push
title: { zh: 报送, en: Push }
platform:
  use: http
  url: ${url}
  batchSize: 50
  concurrency: 2
  timeout: 1
  notProcessed: [429, 503]
  answerWithin: 48h
${more}
types: { licence/printing: credit-sharing/licence-2018 }
`;
