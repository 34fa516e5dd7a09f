import { join } from 'node:path';
import { approvedSetup, type Held, type SetupSource } from './accounts/approved-setup.ts';
import { logSetup } from './accounts/log-setup.ts';
import type { WorkCalendar } from './calendar/work-calendar.ts';
import type { SignerMemory } from './evidence/signer-files.ts';
import type { AlarmFile } from './job/alarm-file.ts';
import { durationS } from './job/duration.ts';
import type { Job, PullJob } from './job/job.ts';
import { keepMemorySmall } from './memory.ts';
import type { Form } from './schema/outbound.ts';
import type { UnifiedType } from './schema/schema.ts';
import type { Settings } from './settings.ts';
import { type Db, openDatabase } from './store/database.ts';
import { migrate } from './store/migrations.ts';
import { openTrace, type Trace, type TraceOptions } from './trace.ts';

/** A sound set-up: everything that files and environment decide, checked. */
export interface Setup {
  readonly settings: Settings;
  readonly jobs: readonly Job[];
  readonly types: ReadonlyMap<string, UnifiedType>;
  readonly forms: ReadonlyMap<string, Form>;
  readonly calendar: WorkCalendar;
  readonly alarms: AlarmFile;
  /** Changes with any schema of the schemas folder. */
  readonly schemasDigest: string;
  /** Values that must never appear in a trace. */
  readonly secrets: readonly string[];
  /** Files that jobs name, as they were approved, where a change of them still waits for a second person. */
  readonly approvedFiles?: ReadonlyMap<string, Buffer>;
  /** Present where files and environment made it: what changed may wait for a second person. */
  readonly source?: SetupSource<Setup>;
}

/** What runs work with; opened once per process (or worker thread). */
export interface Hub extends Setup {
  readonly db: Db;
  readonly trace: Trace;
  readonly now: () => Date;
  /** A signer in this process (demo); absent: it is a process of its own. */
  readonly signer?: SignerMemory;
  /** Local date of an instant in HUB_TIMEZONE, `YYYY-MM-DD`. */
  readonly localDate: (instant: Date) => string;
  close(): Promise<void>;
}

/**
 * Opens database (brought up to this program's version) and trace, with the set-up that was approved where HUB_APPROVALS is on.
 * Throws HubError DATABASE_…, SetupError.
 */
export async function openHub(
  wanted: Setup,
  options: {
    readonly console?: TraceOptions['console'];
    readonly now?: () => Date;
    readonly signer?: SignerMemory;
  } = {},
): Promise<Hub> {
  keepMemorySmall();
  const now = options.now ?? (() => new Date());
  const { db, setup, held } = await openSetup(wanted, now);
  const { settings, secrets } = setup;
  const trace = openTrace({
    dir: join(settings.dataDir, 'trace'),
    level: settings.traceLevel,
    secrets,
    ...(options.console === undefined ? {} : { console: options.console }),
  });
  if (held !== undefined) trace.warn('configuration-held', { changed: held.changed, request: held.request });
  const dates = new Intl.DateTimeFormat('sv-SE', { timeZone: settings.timezone, dateStyle: 'short' });
  return {
    ...setup,
    db,
    trace,
    now,
    ...(options.signer === undefined ? {} : { signer: options.signer }),
    localDate: (instant) => dates.format(instant),
    close: async () => {
      await db.destroy();
      await trace.close();
    },
  };
}

async function openSetup(wanted: Setup, now: () => Date): Promise<{ db: Db; setup: Setup; held?: Held }> {
  const db = await openDatabase(wanted.settings.databaseUrl);
  try {
    await migrate(db);
    const approved = await approvedSetup(db, wanted, now());
    await logSetup(db, approved.setup, now());
    return { db, ...approved };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** 处室 of each pull job. */
export const divisions = (jobs: readonly Job[]): ReadonlyMap<string, string> =>
  new Map(jobs.filter((job): job is PullJob => job.kind === 'pull').map(({ name, division }) => [name, division]));

export const durationMs = (text: string | undefined, fallback: string): number =>
  (durationS(text ?? fallback) ?? 0) * 1000;
