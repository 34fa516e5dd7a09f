import { isJsonObject } from '../json.ts';
import type { Cursor } from '../source.ts';
import type { Drop } from './drop-folder.ts';

/** [hex SHA-256, bytes, mtime ms] of a file that was read to its end. */
export type DoneFile = readonly [sha256: string, size: number, mtime: number];

export interface FileCursor {
  readonly files: { readonly [name: string]: DoneFile };
  /** The file that a killed run was in, and the last row of it that is safe. */
  readonly current?: { readonly name: string; readonly sha256: string; readonly row: number };
}

const MAX_FILES = 10_000;

/** A stored cursor; one of another kind of source counts as none. */
export function readFileCursor(from: Cursor | undefined): FileCursor {
  const files = Object.create(null) as { [name: string]: DoneFile };
  const stored = from?.['files'];
  if (stored !== undefined && isJsonObject(stored)) {
    for (const [name, entry] of Object.entries(stored)) {
      if (Array.isArray(entry)) files[name] = [String(entry[0]), Number(entry[1]), Number(entry[2])];
    }
  }
  const current = from?.['current'];
  if (current === undefined || !isJsonObject(current)) return { files };
  return {
    files,
    current: { name: String(current['name']), sha256: String(current['sha256']), row: Number(current['row']) },
  };
}

/** Untouched since it was read; a changed file of the same name is read again. */
export function isDone({ files }: FileCursor, drop: Drop): boolean {
  const done = files[drop.name];
  return done !== undefined && done[1] === drop.size && done[2] === drop.mtime;
}

/** One more file done; the oldest are forgotten beyond 10,000, for a folder is not an archive. */
export function markDone(files: FileCursor['files'], drop: Drop, sha256: string): FileCursor['files'] {
  const entries: (readonly [string, DoneFile])[] = Object.entries(files).filter(([name]) => name !== drop.name);
  entries.push([drop.name, [sha256, drop.size, drop.mtime]]);
  if (entries.length <= MAX_FILES) return Object.fromEntries(entries);
  return Object.fromEntries(entries.sort(([, a], [, b]) => b[2] - a[2]).slice(0, MAX_FILES));
}
