import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Items } from './configuration-items.ts';

/**
 * Lays an approved set out as files for as long as `read` takes: what runs is read from the database each time, so nobody
 * can change it on the disk.
 */
export function withApprovedCopy<T>(
  dataDir: string,
  items: Items,
  read: (folders: { readonly jobsDir: string; readonly schemasDir: string }) => T,
): T {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(dataDir, 'approved-'));
  try {
    for (const name of ['jobs', 'schemas']) mkdirSync(join(folder, name));
    for (const [name, text] of items) {
      if (!/^(?:jobs|schemas)\//.test(name)) continue;
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    }
    return read({ jobsDir: join(folder, 'jobs'), schemasDir: join(folder, 'schemas') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
