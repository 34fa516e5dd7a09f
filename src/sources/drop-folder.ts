import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import { durationS } from '../job/duration.ts';
import type { FilesSourceSpec } from '../source.ts';

/** A file in the drop folder that its writer has finished with, or why it is not taken. */
export interface Drop {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** Whole milliseconds since 1970. */
  readonly mtime: number;
  readonly refused?: string;
}

/** Files still being written: Office locks, browsers' and copiers' temporary names, hidden files. */
const TEMPORARY = /^(?:\.|~\$)|(?:\.tmp|\.temp|\.part|\.partial|\.crdownload|\.filepart|\.swp|~)$/i;

/**
 * Finished files by name. A file is finished when its marker stands beside it, or when size and mtime have stood
 * still for `settle`; one that was only just written is waited for once, so that dropping and running works.
 */
export async function finishedFiles(spec: FilesSourceSpec, signal: AbortSignal): Promise<Drop[]> {
  const root = await folderOf(spec.folder);
  const before = await look(root, spec);
  if (spec.marker !== undefined) return before.drops.filter((drop) => before.names.has(drop.name + spec.marker));
  const settleMs = (durationS(spec.settle ?? '2s') ?? 2) * 1000;
  const young = before.drops.filter((drop) => Date.now() - drop.changed < settleMs);
  if (young.length === 0) return before.drops;
  await pause(settleMs, undefined, { signal });
  const after = await look(root, spec);
  return after.drops.filter((drop) => before.drops.some((earlier) => isSame(earlier, drop)));
}

const isSame = (left: Drop, right: Drop): boolean =>
  left.name === right.name && left.size === right.size && left.mtime === right.mtime;

async function folderOf(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    if ((await stat(root)).isDirectory()) return root;
  } catch {
    // Told below in one sentence, whatever the cause.
  }
  throw new HubError('SOURCE_FOLDER_MISSING', `找不到投放目录 ${folder} (no such folder)`, {
    remedy: 'give-up',
    fix: '建立该目录或改正 source.folder,并给运行账号读取权限 (make the folder or correct source.folder; it must be readable)',
  });
}

interface Look {
  readonly drops: readonly (Drop & { readonly changed: number })[];
  readonly names: ReadonlySet<string>;
}

async function look(
  root: string,
  spec: FilesSourceSpec,
): Promise<{ drops: (Drop & { changed: number })[]; names: Look['names'] }> {
  const names = (await readdir(root)).sort();
  const wanted = names.filter((name) => isWanted(name, spec));
  const drops: (Drop & { changed: number })[] = [];
  for (const name of wanted) {
    const path = join(root, name);
    const seen = await lstat(path).catch(() => undefined);
    if (seen === undefined || seen.isDirectory()) continue;
    const refused = seen.isFile() ? (seen.nlink > 1 ? 'hard link' : undefined) : 'no plain file';
    const changed = Math.max(seen.mtimeMs, seen.ctimeMs);
    const drop = { name, path, size: seen.size, mtime: Math.trunc(seen.mtimeMs), changed };
    drops.push(refused === undefined ? drop : { ...drop, refused: LINKED });
  }
  return { drops, names: new Set(names) };
}

const LINKED = '符号链接、硬链接和设备文件不予读取 (links and devices are not read)';

function isWanted(name: string, spec: FilesSourceSpec): boolean {
  if (TEMPORARY.test(name) || (spec.marker !== undefined && name.endsWith(spec.marker))) return false;
  return matchesGlob(name, spec.match ?? '*');
}

/** Opens what was looked at and nothing else: no link is followed, and what came in between is noticed. */
export async function openDrop(drop: Drop): Promise<FileHandle> {
  const handle = await open(drop.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const seen = await handle.stat();
  if (seen.isFile() && seen.nlink === 1) return handle;
  await handle.close();
  throw new Error(LINKED);
}
