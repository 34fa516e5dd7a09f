import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { openDatabase, select } from '../../src/store/database.ts';
import { drop } from './bureau.ts';
import { dumpTables } from './dump.ts';
import { type FarEnd, startFarEnd } from './far-end.ts';
import type { FaultShares } from './fault-shares.ts';
import { writeJobs } from './rig-jobs.ts';

export interface RigOptions {
  readonly seed: number;
  /** Makes an empty database and tells its address; absent: SQLite in the rig's own folder. */
  readonly freshDatabase?: () => Promise<string>;
  /** Does the far platform do the work of a key once, or every time it comes? */
  readonly effect: 'once-per-key' | 'every-time';
  /** The tree whose hub runs; a mutant build has its own. */
  readonly root?: string;
  /** The push job's `platform`, as YAML members; absent: the far platform over HTTP. */
  readonly platform?: string;
  /** Done after every process of the hub, with the rig's folder and the hub's clock: a receiver that fetches files. */
  readonly receive?: (folder: string, now: number) => void;
  /** First Friday of a weekly duty, `2026-01-02`; absent: pushed when told to. */
  readonly goLive?: string;
}

/** How one process of the hub is ended before its time, and where it runs. */
export interface End {
  /** `S3-intent:2`: it kills itself at the second pass; `S3-intent:2:SIGSTOP`: it stops there. */
  readonly failpoint?: string | undefined;
  /** SIGKILL so many ms after the start. */
  readonly killAfterMs?: number;
  /** SIGKILL at the n-th submit that the platform sees, so many ms later: between intent and outcome. */
  readonly killAtSubmit?: { readonly nth: number; readonly afterMs: number };
  /** SIGKILL as soon as the database file itself is written, which in WAL mode only a checkpoint does. */
  readonly killInCheckpoint?: boolean;
  /** Name of the host that it believes to be on. */
  readonly host?: string;
}

/** How a process of the hub came to its end. */
export interface Ran {
  /** By itself, and well. */
  readonly whole: boolean;
  /** ms from its start until the platform first heard of it; undefined where it never did. */
  readonly firstWordMs: number | undefined;
}

export interface Typed {
  readonly as?: string;
  readonly input?: string;
}

export interface HubProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

/** One hub, one bureau that drops files, one far platform, each in processes of their own. */
export interface Rig {
  readonly folder: string;
  readonly far: FarEnd;
  drop(index: number, rows: readonly object[]): void;
  faults(shares: FaultShares): Promise<void>;
  /** Runs jobs in a new process (`ring`: whatever is owed) until its end. */
  run(end?: End, what?: 'jobs' | 'ring'): Promise<Ran>;
  /** The same without waiting for it. */
  start(end?: End, what?: 'jobs' | 'ring'): Promise<HubProcess>;
  /** Moves the hub's clock ahead. */
  pass(ms: number): void;
  /** Sets the hub's clock. */
  setClock(at: string): void;
  rows<Row>(sql: string): Promise<Row[]>;
  /** A command of the hub, typed by that account; `input` goes to its standard input. */
  command(words: string, typed?: Typed): Promise<{ readonly code: number | null; readonly out: string }>;
  /** Without faults until nothing is open any more; the number of runs that took. */
  drain(): Promise<number>;
  /** Tables as JSON lines and the log as an evidence pack, for the checker. */
  dump(): Promise<void>;
  close(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const JOBS = ['pull-faults', 'push-faults'];
/** The platform's token or password: it must be found nowhere but on the wire (I18). */
export const TOKEN = 'canary-5f1d7c90e2';

export async function openRig(options: RigOptions): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-faults-'));
  const inbox = join(folder, 'inbox');
  mkdirSync(inbox);
  const far = await startFarEnd(folder, options.seed, options.effect);
  const database = (await options.freshDatabase?.()) ?? `sqlite:${join(folder, 'hub.db')}`;
  writeJobs(join(folder, 'jobs'), { inbox, url: far.url, platform: options.platform, goLive: options.goLive });
  const build = options.root ?? root;
  const env = environment(folder, database, build);
  const hub = hubProcess(folder, env, build);
  let aheadMs = 0;
  const start: Rig['start'] = async (end = {}, what = 'jobs') => {
    await far.tell({ aheadMs });
    const child = hub([String(aheadMs), ...(what === 'ring' ? ['ring'] : ['run', ...JOBS])], end);
    return { child, ended: untilItsEnd(child, far, killer(child, far, { ...end, folder })) };
  };
  const rows: Rig['rows'] = (sql) => onDatabase(database, sql);
  const run: Rig['run'] = async (end, what) => {
    const ran = await (await start(end, what)).ended;
    options.receive?.(folder, Date.now() + aheadMs);
    return ran;
  };
  const pass = (ms: number): void => {
    aheadMs += ms;
  };
  return {
    folder,
    far,
    drop: (index, lines) => drop(inbox, index, lines),
    faults: (shares) => far.tell({ shares }),
    run,
    start,
    pass,
    setClock: (at) => {
      aheadMs = Date.parse(at) - Date.now();
    },
    rows,
    command: (words, typed) => command(join(build, 'src/hub.js'), words.split(' '), { folder, env, ...typed }),
    drain: async () => {
      const what = options.goLive === undefined ? 'jobs' : 'ring';
      for (let runs = 1; runs <= DRAIN_RUNS; runs += 1) {
        await run({}, what);
        if ((await openCount(rows)) === 0) return runs;
        pass(DRAIN_STEP_MS);
      }
      return DRAIN_RUNS;
    },
    dump: async () => {
      const child = hub([String(aheadMs), 'export', join(folder, 'log-export')], {});
      await untilItsEnd(child, far, () => {});
      await dumpTables(database, folder);
      const { goLive } = options;
      const facts = { weekly: goLive !== undefined, goLive, now: Date.now() + aheadMs, token: TOKEN };
      writeFileSync(join(folder, 'facts.json'), JSON.stringify(facts));
    },
    close: async () => {
      await far.close();
      if (process.env['KEEP_FAULTS'] === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In all less than the two days that an answer may take. */
const DRAIN_RUNS = 40;
const DRAIN_STEP_MS = 45 * 60_000;

const environment = (folder: string, database: string, build: string) => ({
  ...process.env,
  HUB_DATABASE_URL: database,
  HUB_DATA_DIR: join(folder, 'data'),
  HUB_JOBS_DIR: join(folder, 'jobs'),
  HUB_SCHEMAS_DIR: join(build, 'schemas'),
  FAULTS_TOKEN: TOKEN,
  // Hundreds of starts: what was read as TypeScript once is kept ready, as hub itself does.
  NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/faults'),
});

type HubEnvironment = ReturnType<typeof environment>;

async function command(
  program: string,
  words: readonly string[],
  { folder, env, as, input = '' }: Typed & { readonly folder: string; readonly env: HubEnvironment },
): Promise<{ readonly code: number | null; readonly out: string }> {
  const who = as === undefined ? {} : { HUB_USER: as };
  const child = spawn(process.execPath, [program, ...words], {
    cwd: folder,
    env: { ...env, ...who },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(input);
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: code as number | null, out };
}

/** Starts a process of the hub with these words. */
const hubProcess =
  (folder: string, common: HubEnvironment, build: string) =>
  (words: readonly string[], { failpoint, host }: End): ChildProcess => {
    const env = failpoint === undefined ? common : { ...common, HUB_FAILPOINT: failpoint };
    const program = join(build, 'test/faults/hub-once.ts');
    const elsewhere = host === undefined ? [] : ['--import', hostNamed(host)];
    const child = spawn(process.execPath, [...elsewhere, program, ...words], {
      cwd: folder,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return child;
  };

/** What a process on another host would see: everything is the same but the name. */
const hostNamed = (name: string): string =>
  `data:text/javascript,${encodeURIComponent(
    `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module'; os.hostname = () => '${name}'; syncBuiltinESMExports();`,
  )}`;

async function untilItsEnd(child: ChildProcess, far: FarEnd, disarm: () => void): Promise<Ran> {
  const startedAt = performance.now();
  let firstWordMs: number | undefined;
  const off = far.on(() => {
    firstWordMs ??= performance.now() - startedAt;
  });
  let said = '';
  child.stderr?.on('data', (part) => {
    said = (said + String(part)).slice(-2000);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  off();
  disarm();
  // Only a kill may end it before its time; anything else is a bug of the hub or of this rig.
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the hub ended with ${code ?? signal}: ${said}`);
  return { whole: code === 0, firstWordMs };
}

/** Ends the process as told; the returned function takes that back. */
function killer(child: ChildProcess, far: FarEnd, end: End & { readonly folder: string }): () => void {
  const timers: NodeJS.Timeout[] = [];
  const undo: (() => void)[] = [() => timers.forEach(clearTimeout)];
  const kill = (): void => void child.kill('SIGKILL');
  if (end.killAfterMs !== undefined) timers.push(setTimeout(kill, end.killAfterMs));
  const { killAtSubmit: at } = end;
  let seen = 0;
  if (at !== undefined)
    undo.push(
      far.on(({ what }) => {
        if (what !== 'submit') return;
        seen += 1;
        if (seen === at.nth) timers.push(setTimeout(kill, at.afterMs));
      }),
    );
  if (end.killInCheckpoint) {
    const watcher = watch(join(end.folder, 'hub.db'), kill);
    undo.push(() => watcher.close());
  }
  return () => {
    for (const each of undo) each();
  };
}

async function onDatabase<Row>(database: string, sql: string): Promise<Row[]> {
  const db = await openDatabase(database);
  try {
    return await select<Row>(db, sql);
  } finally {
    await db.destroy();
  }
}

/** Batches that still wait for something, and periods that have come; held ones wait for a person and have their ticket. */
async function openCount(rows: Rig['rows']): Promise<number> {
  const sql = `SELECT (SELECT COUNT(*) FROM batches WHERE state NOT IN ('SETTLED', 'SPLIT', 'HELD')) +
    (SELECT COUNT(*) FROM periods WHERE state = 'open' AND sealed_at IS NULL) AS "open"`;
  const [row] = await rows<{ open: number }>(sql);
  return Number(row?.open ?? 0);
}
