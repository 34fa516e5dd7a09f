import { setTimeout as sleep } from 'node:timers/promises';
import { createEmbeddedEngine, type EmbeddedEngine } from '../engine/embedded.ts';
import { createScheduler } from '../engine/scheduler.ts';
import { serveUntil } from '../engine/serve-until.ts';
import { type Hub, openHub } from '../hub-context.ts';
import { type FollowedHub, followCalendar } from '../periods/follow-calendar.ts';
import { dueNow } from '../push/due-now.ts';
import type { Define } from './command.ts';
import { looseEnvFile } from './env-file.ts';
import { openHealth } from './health.ts';
import { startLogKeeper } from './log-keeper.ts';
import { keepCopies } from './nightly-copy.ts';
import { databasePeriodBook } from './period-book.ts';
import { complain } from './print.ts';
import { databaseRunBook } from './run-book.ts';
import { type ReadSetup, readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';
import { keepWatch } from './watch-thread.ts';

/** `hub serve`: the scheduler with its engine, and the health addresses; ends on SIGINT or SIGTERM after draining. */
export const serveCommand: Define = (program, act) => {
  program
    .command('serve')
    .description('按时运行全部作业，直到收到停止信号 (run every job when it is due, until told to stop)')
    .action(
      act(async () => {
        await untilSignal((signal) => serve(readSoundSetup(), signal));
        return 0;
      }),
    );
};

export interface ServeOptions {
  /** Key of a signer inside this process (demo); absent: `hub signer` is a process of its own. */
  readonly signerKey?: string;
}

/** Serves until the signal. */
export async function serve(setup: ReadSetup, signal: AbortSignal, options: ServeOptions = {}): Promise<void> {
  const opened = await openHub(setup);
  const loose = looseEnvFile(process.cwd());
  if (loose !== undefined) opened.trace.warn('env-file-readable', { mode: loose.mode, fix: loose.fix });
  const { hub, look } = followCalendar(opened, readSoundSetup);
  await look();
  try {
    const health = await openHealth(hub.settings.listen, hub.db);
    try {
      await scheduleUntil({ hub, look }, signal, { url: health.url, ...options });
    } finally {
      await health.close();
    }
  } finally {
    await hub.close();
  }
}

async function scheduleUntil(
  { hub, look }: FollowedHub,
  signal: AbortSignal,
  { url, signerKey }: ServeOptions & { readonly url: string },
): Promise<void> {
  const engine = createEmbeddedEngine({ worker: new URL('./run-worker.ts', import.meta.url), data: {} });
  const book = databaseRunBook(hub);
  const periods = databasePeriodBook(hub);
  const { jobs, now, trace } = hub;
  const scheduler = createScheduler({
    jobs,
    zone: hub.settings.timezone,
    book,
    periods: { ...periods, tick: () => look().then(periods.tick) },
    engine,
    now,
    trace,
  });
  const following = followUp(hub, engine, signal);
  const watching = keepWatch(trace, signal);
  const copying = keepCopies(hub, signal);
  const keeper = startLogKeeper(hub, signerKey);
  await serveUntil({
    scheduler,
    engine,
    trace,
    signal,
    ready: () => {
      complain(`证信通已启动，${jobs.length} 个作业 (serving ${jobs.length} jobs): ${url}/readyz`);
      // pm2 with wait_ready listens for this.
      process.send?.('ready');
    },
  });
  await Promise.all([following, watching, copying]);
  // Last: what the last runs said has its place before the process ends.
  await keeper.stop();
}

const FOLLOW_MS = 60_000;

/** How often platforms are asked for receipts and notices that they have for us by themselves, in rounds. */
const LISTEN_EVERY = 10;

/** Between the Fridays: urgent withdrawals, receipts that are due, batches to be tried again, and what platforms have for us. */
async function followUp(hub: Hub, engine: EmbeddedEngine, signal: AbortSignal): Promise<void> {
  const { jobs, trace } = hub;
  const book = databaseRunBook(hub);
  for (let round = 1; await rest(FOLLOW_MS, signal); round += 1) {
    try {
      for (const { job, urgent } of await dueNow(hub)) {
        const reason = urgent
          ? '撤下不等周五 (a withdrawal waits for no Friday)'
          : '取回执、重试 (fetching receipts, trying again)';
        const run = await book.startAgain(job, reason);
        const work = { job: job.name, run, reason, ...(urgent ? { urgentOnly: true } : { followUpOnly: true }) };
        await engine.run(work).catch((error: unknown) => book.markDied(run, String(error)));
      }
      if (round % LISTEN_EVERY !== 0) continue;
      for (const { name } of jobs.filter(({ kind }) => kind === 'push')) await engine.run(listening(name));
    } catch (error) {
      trace.error('follow-up-failed', { error: String(error) });
    }
  }
}

const listening = (job: string) => ({ job, run: 0, listenOnly: true });

const rest = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);
