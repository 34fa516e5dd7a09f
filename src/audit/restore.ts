import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { type DumpTable, dumpTables, emptyAll, holdsData, migrationNames, restoreRows } from '../store/dump.ts';
import { platformsTold } from '../store/ledger.ts';
import { appendLog } from '../store/log.ts';
import { type BackupHead, digestOf } from './backup.ts';
import { checkBackup, readBackup } from './backup-file.ts';

export interface RestoreContext {
  /** Brought up to this program's version. */
  readonly db: Db;
  readonly hubId: string;
  readonly actor: string;
  readonly reason: string;
  readonly now: () => Date;
  /** A person said that what is in the database now may go. */
  readonly overwrite: boolean;
  /** Stops pushes to a platform until somebody has looked (faults.md F45). */
  readonly pause: (tx: Tx, platform: string, reason: string) => Promise<void>;
}

export interface Restored {
  readonly rows: number;
  readonly head: BackupHead;
  /** Platforms that get nothing until each was reconciled and resumed. */
  readonly paused: readonly string[];
}

/**
 * Puts a backup in the place of the database, in one transaction: the whole of it or nothing. Every platform is paused, since
 * it may have been told more than the backup knows. Throws HubError BACKUP_…
 */
export async function restore(file: string, context: RestoreContext): Promise<Restored> {
  const { db, overwrite } = context;
  const head = await checkBackup(file);
  await refuseForeign(head, context);
  if (!overwrite && (await holdsData(db))) throw notEmpty();
  const { sha256 } = await digestOf(file);
  return inTransaction(db, async (tx) => {
    await emptyAll(tx);
    const rows = await takeRows(tx, file);
    const paused = (await platformsTold(tx)).filter((platform) => platform !== '');
    for (const platform of paused) await context.pause(tx, platform, why(head));
    const { actor, reason, now } = context;
    const { number, size } = head.log;
    const detail = { sha256, madeAt: head.madeAt, rows, log: number, logSize: size, reason, paused };
    await appendLog(tx, now(), [{ actor, action: 'database.restored', detail }]);
    return { rows, head, paused };
  });
}

const why = ({ madeAt }: BackupHead): string =>
  `已恢复 ${madeAt} 的备份；平台可能已收到更新的版本，请先对账再恢复报送 (restored from a backup of ${madeAt}: reconcile before resuming)`;

async function takeRows(tx: Tx, file: string): Promise<number> {
  const known = new Map((await dumpTables(tx)).map((table) => [table.name, new Set(table.columns)]));
  let table: DumpTable | undefined;
  let count = 0;
  for await (const part of readBackup(file)) {
    if ('table' in part) {
      table = part.table;
      const columns = known.get(table.name);
      if (columns === undefined || table.columns.some((name) => !columns.has(name)))
        throw new Error(`the backup has a table ${table.name} that this version does not have`);
    } else if ('rows' in part && table !== undefined) {
      await restoreRows(tx, table, part.rows);
      count += part.rows.length;
    }
  }
  return count;
}

async function refuseForeign(head: BackupHead, { db, hubId }: RestoreContext): Promise<void> {
  if (head.hubId !== hubId) throw otherHub(head.hubId, hubId);
  const ours = await migrationNames(db);
  const theirs = new Set(head.migrations);
  const same = ours.length === theirs.size && ours.every((name) => theirs.has(name));
  if (!same) throw otherVersion(head, ours);
}

const otherHub = (theirs: string, ours: string): HubError =>
  new HubError('BACKUP_FOREIGN', `备份属于 ${theirs}，本机 HUB_ID 为 ${ours} (the backup is of another hub)`, {
    remedy: 'give-up',
    fix: '若确为同一系统，请把 HUB_ID 设成备份中的值：它是每个幂等键的一部分 (if it is the same hub, set HUB_ID to that value)',
  });

const otherVersion = (head: BackupHead, ours: readonly string[]): HubError =>
  new HubError(
    'BACKUP_VERSION',
    `备份的数据库版本是 ${head.migrations.at(-1)}，本程序是 ${ours.at(-1)} (the backup was made by another version)`,
    {
      remedy: 'give-up',
      fix: '用制作备份时的程序版本恢复，再升级 (restore with the program version that made it, then upgrade)',
    },
  );

const notEmpty = (): HubError =>
  new HubError('BACKUP_OVERWRITES', '目标数据库已有数据 (the database already holds data)', {
    remedy: 'give-up',
    fix: '先 hub backup 保留现状；确认要替换时加 --overwrite (take a backup of it first; say --overwrite where it is to be replaced)',
  });
