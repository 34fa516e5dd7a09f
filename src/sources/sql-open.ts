import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import knex, { type Knex } from 'knex';
import { HubError } from '../errors.ts';
import { guardedLookup } from '../hardened-http.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import type { OpenOptions } from './open.ts';

export type SqlKind = 'mysql' | 'sqlite';

export interface SqlBureau {
  readonly kind: SqlKind;
  readonly db: Knex;
}

/** A reading connection to a bureau's database: nothing can be written through it. */
export function openBureau(url: string, options: OpenOptions): SqlBureau {
  if (url.startsWith('sqlite:')) return { kind: 'sqlite', db: knex(sqliteConfig(url.slice('sqlite:'.length))) };
  const parsed = URL.parse(url);
  if (parsed === null || !/^(?:mysql|mariadb):$/.test(parsed.protocol)) throw badUrl();
  return { kind: 'mysql', db: knex(mysqlConfig(parsed, options)) };
}

/** knex would print user names and statements to the console; errors reach the operator as HubErrors. */
const SILENT = { warn: () => undefined, error: () => undefined, deprecate: () => undefined, debug: () => undefined };

const badUrl = (): HubError =>
  new HubError('SOURCE_URL_WRONG', '数据库地址无法识别 (the database url cannot be read)', {
    remedy: 'give-up',
    fix: '写成 mysql://用户:密码@主机:端口/库名 或 sqlite:路径 (write mysql://user:pass@host:port/db or sqlite:path)',
  });

/** A waiting lock blocks the event loop (delivery.md T22), hence the short timeout; the runner tries again. */
function sqliteConfig(path: string): Knex.Config {
  if (!existsSync(path)) {
    throw new HubError('SOURCE_DATABASE_MISSING', `找不到数据库文件 ${path} (no such database file)`, {
      remedy: 'give-up',
      fix: '改正 source.url 或恢复该文件 (correct source.url or bring the file back)',
    });
  }
  return {
    client: 'better-sqlite3',
    useNullAsDefault: true,
    log: SILENT,
    connection: { filename: path, options: { readonly: true, safeIntegers: true } } as Knex.Config['connection'] &
      object,
    pool: { min: 1, max: 1 },
  };
}

/** Dates, big integers and decimals arrive as the texts that the server holds; the session is strict, utf8mb4 and read-only. */
function mysqlConfig(url: URL, options: OpenOptions): Knex.Config {
  const [host, port] = [url.hostname.replace(/^\[|\]$/g, ''), Number(url.port || 3306)];
  const allowed = allowedHosts(options.allowedHosts ?? [host]);
  if (!allowed.allowsName(host, port)) throw hostRefused(host, port);
  return {
    client: 'mysql2',
    log: SILENT,
    connection: {
      host,
      port,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      connectTimeout: 10_000,
      stream: () => connect({ host, port, lookup: guardedLookup(allowed, port) }),
    } as Knex.MySql2ConnectionConfig,
    pool: { min: 0, max: 1, afterCreate: prepareSession },
    acquireConnectionTimeout: 15_000,
  };
}

const hostRefused = (host: string, port: number): HubError =>
  new HubError('SOURCE_HOST_REFUSED', `${host}:${port} 不在 HUB_ALLOWED_HOSTS 之内 (not in HUB_ALLOWED_HOSTS)`, {
    remedy: 'give-up',
    fix: '确认地址无误后把主机加入 HUB_ALLOWED_HOSTS (add the host to HUB_ALLOWED_HOSTS if it is right)',
  });

const SESSION = [
  "SET SESSION sql_mode='STRICT_ALL_TABLES'",
  "SET SESSION time_zone='+08:00'",
  'SET SESSION TRANSACTION READ ONLY',
] as const;

interface RawConnection {
  query(sql: string, done: (error: Error | null) => void): void;
}

function prepareSession(
  connection: RawConnection,
  done: (error: Error | null, connection: RawConnection) => void,
): void {
  const next = (index: number): void => {
    const sql = SESSION[index];
    if (sql === undefined) done(null, connection);
    else connection.query(sql, (error) => (error === null ? next(index + 1) : done(error, connection)));
  };
  next(0);
}
