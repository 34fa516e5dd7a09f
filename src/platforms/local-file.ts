import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../canonical.ts';

/** How a file in a folder of this machine compares with what should be there. */
export type LocalFile = 'absent' | 'same' | 'other';

export async function compareLocal(folder: string, name: string, digest: string): Promise<LocalFile> {
  try {
    return sha256(await readFile(join(folder, name))) === digest ? 'same' : 'other';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
}

/**
 * A whole file under its name or none: written beside it, brought to disk, then linked to the name, which fails where that exists.
 * Returns false in that case; throws what the file system says.
 */
export async function writeWhole(folder: string, name: string, bytes: Uint8Array): Promise<boolean> {
  const part = join(folder, `.${name}.part`);
  await rm(part, { force: true });
  const handle = await open(part, 'wx', 0o640);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(part, join(folder, name));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(part, { force: true });
  }
}

/** The file system's own word: ENOSPC, EACCES, ENOENT … */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
