import { HubError } from './errors.ts';

const UNWRITABLE =
  /^(SQLITE_FULL|SQLITE_IOERR\w*|SQLITE_READONLY\w*|SQLITE_CANTOPEN\w*|ER_DISK_FULL|ER_RECORD_FILE_FULL|ER_OPTION_PREVENTS_STATEMENT)$/;
const DAMAGED = /^(SQLITE_CORRUPT\w*|SQLITE_NOTADB)$/;

export const unreachable = (cause: unknown): HubError =>
  new HubError('DATABASE_UNREACHABLE', '连不上数据库 (cannot reach the database)', {
    remedy: 'retry',
    fix: '请检查 HUB_DATABASE_URL 与数据库服务；恢复后再次运行即从中断处继续 (check HUB_DATABASE_URL and that the server runs; run it again then: it goes on where it was)',
    cause,
  });

const unwritable = (cause: Error): HubError =>
  new HubError('DATABASE_UNWRITABLE', `数据库写不进去：${cause.message} (the database cannot be written)`, {
    remedy: 'retry',
    fix: '请检查磁盘空间、目录权限与数据库的只读状态；未提交的不会丢失也不会重复 (check disk space, permissions and whether the database is read-only; nothing is lost or doubled)',
    cause,
  });

const damaged = (cause: Error): HubError =>
  new HubError('DATABASE_DAMAGED', `数据库文件已损坏：${cause.message} (the database file is damaged)`, {
    remedy: 'give-up',
    fix: '请停止服务，用 hub restore 从最近的备份恢复，见 docs/backup.md (stop the service and restore the last backup, see docs/backup.md)',
    cause,
  });

/** The database's own trouble, in words for an operator; `undefined` where an error is something else. */
export function databaseTrouble(error: unknown): HubError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'KnexTimeoutError') return unreachable(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // The driver's mark of an error after which the connection is gone; sometimes nothing else tells.
  if ('fatal' in error && error.fatal === true) return unreachable(error);
  if (UNWRITABLE.test(code)) return unwritable(error);
  return DAMAGED.test(code) ? damaged(error) : undefined;
}
