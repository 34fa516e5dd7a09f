import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { backupCheck } from '../../src/alarm/backup-check.ts';
import { checkBackup } from '../../src/audit/backup-file.ts';
import { copyIfMissing } from '../../src/audit/nightly.ts';
import { copyOffsite, hasCopy, type OffsiteContext } from '../../src/audit/offsite.ts';
import { type BackupSettings, readBackupSettings } from '../../src/backup-settings.ts';
import { silentTrace } from '../../src/trace.ts';
import { databases, temporaryFolder } from '../support/databases.ts';
import { openTestHub } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import { startSftpServer } from '../support/sftp-for-tests.ts';
import { PASSWORD } from '../support/sftp-server.ts';
import { bench, rows } from './bench.ts';

interface Far {
  readonly settings: BackupSettings;
  /** The same folder seen from the other side. */
  readonly folder: string;
}

const usual = { at: '01:30', keep: 2 };

const places: readonly { readonly name: string; readonly open: () => Promise<Far> }[] = [
  {
    name: 'a folder',
    open: async () => {
      const folder = join(temporaryFolder(), 'far');
      return { folder, settings: { ...usual, to: folder } };
    },
  },
  {
    name: 'an SFTP server',
    open: async () => {
      const root = temporaryFolder();
      mkdirSync(join(root, 'copies'));
      const { port, hostKey } = await startSftpServer(root);
      const to = `sftp://hub:${PASSWORD}@127.0.0.1:${port}/copies`;
      return { folder: join(root, 'copies'), settings: { ...usual, to, hostKey } };
    },
  },
];

async function hubWith(settings: BackupSettings): Promise<{ context: OffsiteContext; clock: { now: Date } }> {
  const databaseUrl = (await databases[0]?.url()) ?? '';
  const { hub, clock, take } = await bench(databaseUrl);
  await take(...rows(1, 3));
  const { db, now, localDate } = hub;
  const signal = new AbortController().signal;
  const about = { db, databaseUrl, hubId: 'hub-under-test', actor: 'scheduler', now, localDate, signal, settings };
  return { clock, context: { ...about, dataDir: temporaryFolder() } };
}

describe.each(places)('the nightly copy to $name', ({ open }) => {
  test('arrives whole, once a day, and the oldest go', async () => {
    const far = await open();
    const { context, clock } = await hubWith(far.settings);
    for (const day of ['2026-11-27', '2026-11-28', '2026-11-29']) {
      clock.now = new Date(`${day}T02:00:00Z`);
      expect(await hasCopy(context)).toBe(false);
      expect(await copyOffsite(context)).toMatchObject({ name: `hub-under-test-${day}.backup` });
      expect(await hasCopy(context)).toBe(true);
    }
    writeFileSync(join(far.folder, 'notes.txt'), 'not ours');
    clock.now = new Date('2026-11-30T02:00:00Z');
    expect((await copyOffsite(context)).removed).toEqual(['hub-under-test-2026-11-28.backup']);
    expect(readdirSync(far.folder).toSorted()).toEqual([
      'hub-under-test-2026-11-29.backup',
      'hub-under-test-2026-11-30.backup',
      'notes.txt',
    ]);
    expect(await checkBackup(join(far.folder, 'hub-under-test-2026-11-30.backup'))).toMatchObject({
      hubId: 'hub-under-test',
    });
    expect(readdirSync(join(context.dataDir, 'backup'))).toEqual([]);
  });
});

test('a copy lies there for its owner only', async () => {
  const [place] = places;
  const far = await place?.open();
  if (far === undefined) throw new Error('no place');
  const { context } = await hubWith(far.settings);
  const { name } = await copyOffsite(context);
  expect(statSync(join(far.folder, name)).mode & 0o777).toBe(0o600);
});

test('a server that shows another key gets nothing', async () => {
  const far = await places[1]?.open();
  if (far === undefined) throw new Error('no place');
  const { context } = await hubWith({ ...far.settings, hostKey: `SHA256:${'A'.repeat(43)}` });
  await expect(copyOffsite(context)).rejects.toThrow(/host key/);
  expect(readdirSync(far.folder)).toEqual([]);
  expect(existsSync(join(context.dataDir, 'backup', 'hub-under-test-2026-11-27.backup'))).toBe(false);
});

test('settings that cannot work are all named at once, never with the password', () => {
  const { faults } = readBackupSettings({
    HUB_BACKUP_TO: 'sftp://x:geheim@h',
    HUB_BACKUP_AT: '25:00',
    HUB_BACKUP_KEEP: '0',
  });
  expect(faults.map(({ where }) => where)).toEqual([
    'HUB_BACKUP_AT',
    'HUB_BACKUP_KEEP',
    'HUB_BACKUP_TO',
    'HUB_BACKUP_HOST_KEY',
  ]);
  expect(JSON.stringify(faults)).not.toContain('geheim');
  expect(readBackupSettings({}).backup).toBeUndefined();
  expect(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')).toContain('HUB_BACKUP_TO');
});

test('a copy that fails is an alarm and one entry of the log, until one has arrived', async () => {
  const blocked = join(temporaryFolder(), 'far');
  writeFileSync(blocked, 'no folder');
  const { context, clock } = await hubWith({ ...usual, to: blocked });
  const base = await openTestHub('sqlite::memory:', [], clock);
  const hub = { ...base, db: context.db, settings: { ...base.settings, backup: context.settings } };
  const see = () => backupCheck.look({ hub, signal: context.signal, isOpen: () => false });
  expect(await see()).toEqual([]);
  const since = clock.now.toISOString();
  expect(await copyIfMissing(context, silentTrace)).toBe(false);
  clock.now = new Date(clock.now.getTime() + 1_800_000);
  expect(await copyIfMissing(context, silentTrace)).toBe(false);
  expect(await see()).toMatchObject([{ subject: 'backup:copy', level: 'urgent', since, command: 'hub backup' }]);
  expect((await logged(context.db, 'database.')).map(({ action }) => action)).toEqual(['database.copy-failed']);
  rmSync(blocked);
  expect(await copyIfMissing(context, silentTrace)).toBe(true);
  expect(await see()).toEqual([]);
  expect((await logged(context.db, 'database.')).map(({ action }) => action)).toContain('database.copied');
});
