import { HubError } from '../errors.ts';
import type { Answer } from '../platform.ts';

/** What a database error before COMMIT means: nothing was kept, so it is definite. Only its code and a column's name go on. */
export function beforeCommit(error: unknown, blame: (row: number) => string | undefined): Answer {
  if (error instanceof HubError) return notSent(`${error.message}；${error.fix}`, true);
  const code = codeOf(error);
  if (CONTENT.test(code)) return refused(error, code, blame);
  const [, zh, en, page] = TROUBLE.find(([pattern]) => pattern.test(code)) ?? OTHER;
  return notSent(`前置库：${zh} (${en}; ${code})`, page);
}

/** Values that the table does not take, in strict mode: the platform's table says no to the record. */
const CONTENT =
  /^(ER_DATA_TOO_LONG|ER_TRUNCATED_WRONG_VALUE|ER_TRUNCATED_WRONG_VALUE_FOR_FIELD|ER_WARN_DATA_OUT_OF_RANGE|WARN_DATA_TRUNCATED|ER_BAD_NULL_ERROR|ER_NO_DEFAULT_FOR_FIELD|ER_CONSTRAINT_FAILED|ER_CHECK_CONSTRAINT_VIOLATED|ER_SIGNAL_EXCEPTION|SQLITE_CONSTRAINT_(NOTNULL|CHECK|TRIGGER|DATATYPE))$/;

const TROUBLE: readonly (readonly [pattern: RegExp, zh: string, en: string, page: boolean])[] = [
  [
    /^ER_(ACCESS|DBACCESS|TABLEACCESS|COLUMNACCESS)/,
    '拒绝访问，请检查账号、口令和 INSERT 权限',
    'access denied: check account, password and the INSERT right',
    true,
  ],
  [
    /^(ER_OPTION_PREVENTS_STATEMENT|ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION|ER_READ_ONLY_MODE|SQLITE_READONLY)/,
    '数据库为只读，请平台核实',
    'the database is read-only: ask the platform',
    true,
  ],
  [
    /^(ER_BAD_DB_ERROR|ER_NO_SUCH_TABLE|ER_BAD_FIELD_ERROR|SQLITE_ERROR)/,
    '表或列与约定不符',
    'tables or columns are not as agreed',
    true,
  ],
  [
    /^(HANDSHAKE_SSL_ERROR|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS|HANDSHAKE_NO_SSL_SUPPORT)/,
    '证书或 TLS 握手失败',
    'certificate or TLS handshake',
    true,
  ],
  [
    /^(ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|SQLITE_BUSY|SQLITE_LOCKED)/,
    '被别的事务锁住，稍后再试',
    'locked by another transaction: tried again later',
    false,
  ],
  [
    /^(SQLITE_FULL|ER_DISK_FULL|ER_RECORD_FILE_FULL)/,
    '磁盘已满，请平台清理',
    'the disk is full: ask the platform',
    true,
  ],
];
const OTHER = [
  /./,
  '连不上或连接中断，稍后再试',
  'not reachable, or the connection broke: tried again later',
  false,
] as const;

const notSent = (reason: string, page: boolean): Answer => ({ outcome: 'not-sent', reason, page, evidence: {} });

/** Where the server names the row, only that record is blamed; else the batch is halved. Nothing of it is kept either way. */
function refused(error: unknown, code: string, blame: (row: number) => string | undefined): Answer {
  const message = error instanceof Error ? error.message : '';
  const column = /for column [`'"]?(?:[\w`.]*\.)?[`'"]?(\w{1,64})[`'"]? at row/i.exec(message)?.[1];
  const row = Number(/ at row (\d{1,6})$/.exec(message.trim())?.[1] ?? 0);
  const reason = `前置库的表不接受${column === undefined ? '' : ` ${column} 的`}内容 (the table does not take ${column ?? 'the content'}; ${code})`;
  const idemKey = row > 0 ? blame(row) : undefined;
  if (idemKey === undefined) return { outcome: 'refused', reason, evidence: {} };
  return { outcome: 'refused', reason, rejected: [{ idemKey, outcome: 'rejected', code, reason }], evidence: {} };
}

export const isDuplicate = (error: unknown): boolean =>
  /^(ER_DUP_ENTRY|SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|23505)$/.test(codeOf(error));

export const codeOf = (error: unknown): string => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'NO_CODE';
};
