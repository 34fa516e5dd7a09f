import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupSettings } from '../backup-settings.ts';
import { HubError } from '../errors.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { type Backup, type BackupContext, backup } from './backup.ts';
import { type BackupPlace, openBackupPlace } from './backup-place.ts';

export interface OffsiteContext extends BackupContext {
  readonly settings: BackupSettings;
  /** Where the copy lies until it is over there. */
  readonly dataDir: string;
  /** Local date of an instant. */
  readonly localDate: (at: Date) => string;
  readonly signal: AbortSignal;
}

export interface Copied {
  readonly name: string;
  readonly sha256: string;
  readonly rows: number;
  readonly removed: readonly string[];
}

const nameOf = (hubId: string, day: string): string => `${hubId}-${day}.backup`;

/** Is the copy of this day already over there? */
export async function hasCopy({ settings, hubId, now, localDate, signal }: OffsiteContext): Promise<boolean> {
  const place = await openBackupPlace(settings, signal);
  try {
    return (await place.list()).includes(nameOf(hubId, localDate(now())));
  } finally {
    place.close();
  }
}

/**
 * Makes a backup, carries it off this machine, reads it back there and compares, then lets the oldest go (GB/T 22239 8.1.4.9).
 * A copy that reads back otherwise is removed; older ones are then left alone. Throws HubError BACKUP_UNSAFE.
 */
export async function copyOffsite(context: OffsiteContext): Promise<Copied> {
  const { db, settings, dataDir, hubId, actor, now, localDate, signal } = context;
  const folder = join(dataDir, 'backup');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = nameOf(hubId, localDate(now()));
  const file = join(folder, name);
  rmSync(file, { force: true });
  let place: BackupPlace | undefined;
  try {
    const made = await backup(file, context);
    place = await openBackupPlace(settings, signal);
    await carry(place, { name, file, made });
    const removed = await rotate(place, { hubId, keep: settings.keep });
    const { sha256, rows } = made;
    const detail = { name, sha256, removed };
    await inTransaction(db, (tx) => appendLog(tx, now(), [{ actor, action: 'database.copied', detail }]));
    return { name, sha256, rows, removed };
  } finally {
    place?.close();
    rmSync(file, { force: true });
  }
}

async function carry(
  place: BackupPlace,
  { name, file, made }: { readonly name: string; readonly file: string; readonly made: Backup },
): Promise<void> {
  const part = `${name}.part`;
  await place.remove(part);
  await place.put(part, file);
  const there = await place.digest(part);
  if (there !== made.sha256) {
    await place.remove(part);
    throw differs(name, made.sha256, there);
  }
  // A second copy on one day takes the place of the first.
  if ((await place.list()).includes(name)) await place.remove(name);
  await place.rename(part, name);
}

/** Only files that this hub named; the newest `keep` stay. */
async function rotate(
  place: BackupPlace,
  { hubId, keep }: { readonly hubId: string; readonly keep: number },
): Promise<string[]> {
  const own = new RegExp(`^${hubId}-\\d{4}-\\d\\d-\\d\\d\\.backup$`);
  const copies = (await place.list()).filter((name) => own.test(name)).toSorted();
  const old = copies.slice(0, Math.max(0, copies.length - keep));
  for (const name of old) await place.remove(name);
  return old;
}

const differs = (name: string, here: string, there: string): HubError =>
  new HubError(
    'BACKUP_UNSAFE',
    `异地副本 ${name} 读回与原件不同 (the copy reads back otherwise: ${there}, not ${here})`,
    {
      remedy: 'retry',
      fix: '检查目标磁盘与网络；较早的副本未被删除 (check the far disk and the network; older copies were left alone)',
    },
  );
