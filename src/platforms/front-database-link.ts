import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import knex, { type Knex } from 'knex';
import { HubError } from '../errors.ts';
import { guardedLookup } from '../hardened-http.ts';
import type { FrontDatabaseSpec } from '../platform-spec.ts';
import type { AllowedHosts } from '../wire/allowed-hosts.ts';
import { portOf } from '../wire/usual-ports.ts';
import { pinningClient } from './front-database-pins.ts';
import { readTls } from './http-tls.ts';

/** One visit to the front-end database: a connection of its own, cut off when its time is over. */
export interface FrontLink {
  readonly db: Knex;
  readonly kind: 'mysql' | 'sqlite' | 'other';
  readonly close: () => Promise<void>;
}

export interface FrontAddress {
  readonly spec: FrontDatabaseSpec;
  readonly name: string;
  readonly allowed: AllowedHosts;
}

const CLIENTS: { readonly [protocol: string]: string } = {
  'mysql:': 'mysql2',
  'mariadb:': 'mysql2',
  'sqlite:': 'better-sqlite3',
  'postgres:': 'pg',
  'postgresql:': 'pg',
  'mssql:': 'mssql',
  'sqlserver:': 'mssql',
  'oracle:': 'oracledb',
};

/** knex would print user names and statements to the console; errors reach the operator as answers. */
const SILENT = { warn: () => undefined, error: () => undefined, deprecate: () => undefined, debug: () => undefined };

/** The knex client that speaks to this url; refuses one whose driver is not installed. */
export function clientOf({ spec, name }: FrontAddress): string {
  const client = spec.client ?? CLIENTS[spec.url.slice(0, spec.url.indexOf(':') + 1)];
  if (client === undefined)
    throw wrong(`平台 ${name}：不认识的数据库 (unknown kind of database)`, '请写明 client (name the knex client)');
  const driver = DRIVERS[client] ?? client;
  try {
    createRequire(import.meta.url).resolve(driver);
  } catch {
    throw wrong(
      `平台 ${name}：没有安装驱动 ${driver} (the driver ${driver} is not installed)`,
      `请执行 npm install ${driver} (install it)`,
    );
  }
  return client;
}

const DRIVERS: { readonly [client: string]: string } = { mssql: 'tedious', mysql2: 'mysql2' };

/** `signal` ends the visit whatever the server does: the connection is cut, not asked. */
export function openFront(address: FrontAddress, signal: AbortSignal): FrontLink {
  const client = clientOf(address);
  if (client === 'better-sqlite3') return sqliteLink(address);
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy(new Error('the visit is over'));
  };
  const link = client === 'mysql2' ? mysqlLink(address, sockets) : otherLink(address, client);
  signal.addEventListener('abort', cut, { once: true });
  return {
    ...link,
    close: async () => {
      signal.removeEventListener('abort', cut);
      if (signal.aborted) cut();
      await link.close();
    },
  };
}

function sqliteLink({ spec, name }: FrontAddress): FrontLink {
  const filename = spec.url.slice('sqlite:'.length);
  if (!existsSync(filename)) {
    throw wrong(`平台 ${name}：找不到数据库文件 (no such database file)`, '请改正 platform.url (correct platform.url)');
  }
  const db = knex({
    client: 'better-sqlite3',
    useNullAsDefault: true,
    log: SILENT,
    connection: { filename },
    pool: { min: 1, max: 1, afterCreate: sqliteSession },
  });
  return { db, kind: 'sqlite', close: () => db.destroy() };
}

/** A waiting lock blocks the event loop (delivery.md T22), hence the short timeout; the runner tries again. */
function sqliteSession(
  connection: { pragma(sql: string): unknown },
  done: (error: Error | null, connection: unknown) => void,
): void {
  connection.pragma('busy_timeout = 50');
  connection.pragma('synchronous = FULL');
  done(null, connection);
}

function mysqlLink({ spec, name, allowed }: FrontAddress, sockets: Set<Socket>): FrontLink {
  const url = new URL(spec.url);
  const [host, port] = [url.hostname.replace(/^\[|\]$/g, ''), portOf(url)];
  refuseHost(allowed, host, port);
  const tls = readTls(spec.tls, name);
  const secure = tls !== undefined || url.searchParams.get('ssl') === 'true';
  const { pins = [], ...material } = tls ?? {};
  const ssl = secure ? { ssl: { ...material, rejectUnauthorized: true, verifyIdentity: true } } : {};
  const db = knex({
    client: pins.length === 0 ? 'mysql2' : pinningClient(pins),
    log: SILENT,
    connection: {
      host,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      connectTimeout: (spec.timeout ?? 20) * 1000,
      ...ssl,
      stream: () => {
        const socket = connect({ host, port, lookup: guardedLookup(allowed, port) });
        sockets.add(socket.setNoDelay(true).once('close', () => sockets.delete(socket)));
        return socket;
      },
    } as Knex.MySql2ConnectionConfig,
    pool: { min: 0, max: 1, afterCreate: mysqlSession(lockWaitS(spec)) },
    acquireConnectionTimeout: (spec.timeout ?? 20) * 1000,
  });
  return { db, kind: 'mysql', close: () => db.destroy() };
}

/** A lock that somebody holds must end before our own deadline does, so that the answer is certain. */
const lockWaitS = ({ timeout = 20 }: FrontDatabaseSpec): number => Math.max(1, Math.floor(timeout / 2));

interface RawConnection {
  query(sql: string, done: (error: Error | null) => void): void;
}

/** Strict, so that nothing is cut or replaced silently (delivery.md T15); READ COMMITTED, so that a resend sees what an earlier try left. */
const mysqlSession =
  (lockWait: number) =>
  (connection: RawConnection, done: (error: Error | null, connection: RawConnection) => void): void => {
    const steps = [
      "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
      "SET SESSION time_zone='+08:00'",
      'SET NAMES utf8mb4',
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      `SET SESSION innodb_lock_wait_timeout=${lockWait}`,
    ];
    const next = (index: number): void => {
      const sql = steps[index];
      if (sql === undefined) done(null, connection);
      else connection.query(sql, (error) => (error === null ? next(index + 1) : done(error, connection)));
    };
    next(0);
  };

/** Any other knex client; its own driver connects, so only the name of the host is checked. */
function otherLink({ spec, allowed }: FrontAddress, client: string): FrontLink {
  const url = new URL(spec.url);
  const port = portOf(url);
  refuseHost(allowed, url.hostname, port);
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const database = decodeURIComponent(url.pathname.slice(1));
  const where =
    client === 'oracledb'
      ? { connectString: `${url.host}/${database}` }
      : { [client === 'mssql' ? 'server' : 'host']: url.hostname, ...(port === 0 ? {} : { port }), database };
  const db = knex({
    client,
    log: SILENT,
    connection: { user, password, ...where },
    pool: { min: 0, max: 1 },
    acquireConnectionTimeout: (spec.timeout ?? 20) * 1000,
  });
  return { db, kind: 'other', close: () => db.destroy() };
}

function refuseHost(allowed: AllowedHosts, host: string, port: number): void {
  if (allowed.allowsName(host, port)) return;
  throw wrong(
    `${host}:${port} 不在 HUB_ALLOWED_HOSTS 之内 (not in HUB_ALLOWED_HOSTS)`,
    '确认地址无误后把主机加入 HUB_ALLOWED_HOSTS (add the host if it is right)',
  );
}

const wrong = (message: string, fix: string): HubError =>
  new HubError('PLATFORM_WRONG', message, { remedy: 'give-up', fix });
