import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HubError } from '../errors.ts';
import type { FerryFile } from './ferry-accept.ts';

const MOST_BYTES = 256 << 20;

/** Packages in a folder or one named file; links, devices and other files are left alone (faults.md S27). */
export function filesOn(path: string): readonly FerryFile[] {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (seen?.isFile()) return [read(path)];
  if (!seen?.isDirectory()) {
    throw new HubError('FILE_MISSING', `没有 ${path} (no such file or folder)`, {
      remedy: 'give-up',
      fix: '请写出摆渡包或其目录的路径 (give the path of a package or of its folder)',
    });
  }
  return readdirSync(path)
    .filter((name) => name.endsWith('.zxf') && lstatSync(join(path, name)).isFile())
    .toSorted()
    .map((name) => read(join(path, name)));
}

/** One that is too large to be a package is told as unreadable, by its first bytes alone. */
function read(path: string): FerryFile {
  const { size } = lstatSync(path);
  return { name: basename(path), bytes: size > MOST_BYTES ? Buffer.alloc(0) : readFileSync(path) };
}
