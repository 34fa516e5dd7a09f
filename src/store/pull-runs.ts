import { isJsonObject } from '../json.ts';
import { type Reader, select } from './database.ts';
import { isDead, isHeld } from './leases.ts';
import type { RunState } from './runs.ts';

/** How a pull job last looked at its source. */
export interface LastLook {
  readonly state: Exclude<RunState, 'skipped'>;
  readonly startedAt: string;
  /** Code of the fault for which it did not end well. */
  readonly error: string | undefined;
}

/**
 * The newest run of a pull job that really went to its source; undefined: none ever did. A rehearsal keeps nothing, and a run that
 * found another one under way did not look: neither says anything. Whoever has the job's lease is reading now, whatever came after.
 */
export async function lastLook(db: Reader, job: string): Promise<LastLook | undefined> {
  const sql = `SELECT state, holder, started_at AS "startedAt", report FROM runs
    WHERE job = ? AND state <> 'skipped' ORDER BY id DESC LIMIT 50`;
  const looks = (await select<Row>(db, sql, [job])).map(toLook).filter((look) => look !== undefined);
  const reading = looks.find(({ state }) => state === 'running');
  return reading !== undefined && (await isHeld(db, `pull:${job}`)) ? reading : looks[0];
}

/** Pull jobs of which a run began after `since` and has not ended, in whatever process that is not certainly gone. */
export async function readingSince(db: Reader, since: Date): Promise<string[]> {
  const sql = "SELECT job, holder FROM runs WHERE kind = 'pull' AND state = 'running' AND started_at >= ?";
  const rows = await select<{ job: string; holder: string }>(db, sql, [since.toISOString()]);
  return rows.filter(({ holder }) => !isDead(holder)).map(({ job }) => job);
}

interface Row {
  readonly state: Exclude<RunState, 'skipped'>;
  readonly holder: string;
  readonly startedAt: string;
  readonly report: string | null;
}

function toLook({ state, holder, startedAt, report: text }: Row): LastLook | undefined {
  const report: unknown = text === null ? {} : JSON.parse(text);
  if (!isJsonObject(report) || report['dryRun'] === true) return undefined;
  const { code } = isJsonObject(report['error']) ? report['error'] : {};
  if (code === 'RUN_OVERLAPPING') return undefined;
  const gone = state === 'running' && isDead(holder);
  return { state: gone ? 'died' : state, startedAt, error: typeof code === 'string' ? code : undefined };
}
