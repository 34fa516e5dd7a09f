import { isJsonObject } from '../json.ts';
import type { Cursor } from '../source.ts';
import type { CursorValue } from './cursor-value.ts';
import type { Position } from './paging.ts';

export interface HttpCursor {
  /** Highest value of the cursor field seen so far. */
  readonly high?: CursorValue;
  /** The run that has not come to its end. */
  readonly run?: {
    /** Next page to ask for. */
    readonly at: Position;
    /** Pages and rows read so far. */
    readonly page: number;
    readonly seen: number;
    /** Rows of the snapshot in all, where the bureau says it. */
    readonly total?: number;
    /** The mark that this run asked from; not yet `high`, for its later pages may hold older rows. */
    readonly since?: CursorValue;
    /** ISO instant. */
    readonly started: string;
  };
}

const MAX_PAUSE_MS = 6 * 3600_000;

/** Pages move under a pause: after six hours the run starts again from its own mark. */
export const continues = (cursor: HttpCursor, now: Date): boolean =>
  cursor.run !== undefined && now.getTime() - Date.parse(cursor.run.started) < MAX_PAUSE_MS;

/** A stored cursor; what cannot be read (a job whose kind of source was changed) counts as none. */
export function readHttpCursor(from: Cursor | undefined): HttpCursor {
  const high = isValue(from?.['high']) ? { high: from['high'] } : {};
  const run = from?.['run'];
  if (run === undefined || !isJsonObject(run) || !isValue(run['at'])) return high;
  const { at, page, seen, total, since, started } = run;
  const mark = { ...(isValue(since) ? { since } : {}), ...(typeof total === 'number' ? { total } : {}) };
  return { ...high, run: { at, page: Number(page), seen: Number(seen), started: String(started), ...mark } };
}

const isValue = (value: unknown): value is CursorValue => typeof value === 'string' || typeof value === 'number';
