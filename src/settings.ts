import { existsSync, readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ALARM_SETTING_NAMES, type AlarmSettings, readAlarmSettings } from './alarm-settings.ts';
import { BACKUP_SETTING_NAMES, type BackupSettings, readBackupSettings } from './backup-settings.ts';
import type { SetupFault } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** Everything that the environment decides (design.md §9). Paths as given, relative ones against the working directory. */
export interface Settings {
  /** `sqlite:path` or `mysql://user:password@host:port/database`. */
  readonly databaseUrl: string;
  /** Where `hub serve` answers /healthz and /readyz. */
  readonly listen: Listen;
  /** Traces, and the SQLite database unless `databaseUrl` says otherwise. */
  readonly dataDir: string;
  readonly jobsDir: string;
  readonly schemasDir: string;
  /** IANA name; cron times and local dates are read in it. */
  readonly timezone: string;
  readonly traceLevel: TraceLevel;
  /** What jobs may speak to: `host`, `host:port` or an address range; empty: every host that a job names. */
  readonly allowedHosts: readonly string[];
  /** Part of every idem key (delivery.md §1.3): never change it once something was sent. */
  readonly hubId: string;
  /** 64 hex digits or Base64 of 32 bytes: encrypts the secrets that platforms issue (store/vault.ts), nothing else. */
  readonly secretKey?: string;
  readonly alarm: AlarmSettings;
  /** Where a copy of the database goes each night; absent: nowhere. */
  readonly backup?: BackupSettings | undefined;
  /** Changed jobs, schemas, calendar and settings, and imports by hand, wait for a second person. */
  readonly approvals: boolean;
  /** Administrators, approvers and auditors log in with a second factor. */
  readonly secondFactor: boolean;
  /** A resync of more records than this needs a second person. */
  readonly resyncApproval: number;
  /** The signer's key file; its last checkpoint stands beside it. Only the signer reads them. */
  readonly signerKey: string;
}

export interface Listen {
  readonly host: string;
  readonly port: number;
}

export type TraceLevel = (typeof TRACE_LEVELS)[number];

/** Environment variables by name, as `process.env` has them. */
export interface Environment {
  readonly [name: string]: string | undefined;
}

const TRACE_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** Setting → what it means, for messages, README and .env.example. The last two are read by tests only. */
const KNOWN = [
  'HUB_DATABASE_URL',
  'HUB_LISTEN',
  'HUB_DATA_DIR',
  'HUB_JOBS_DIR',
  'HUB_SCHEMAS_DIR',
  'HUB_TIMEZONE',
  'HUB_TRACE_LEVEL',
  'HUB_ALLOWED_HOSTS',
  'HUB_ID',
  'HUB_USER',
  'HUB_SECRET_KEY',
  ...ALARM_SETTING_NAMES,
  ...BACKUP_SETTING_NAMES,
  'HUB_APPROVALS',
  'HUB_SECOND_FACTOR',
  'HUB_RESYNC_APPROVAL',
  'HUB_SIGNER_KEY',
  'HUB_FAILPOINT',
  'HUB_TEST_INSTALL',
] as const;

/** Every setting as if it had not been made, whatever a `.env` says of it. */
export const NO_SETTINGS: Environment = Object.fromEntries(
  KNOWN.filter((name) => !/^HUB_(FAILPOINT|TEST_)/.test(name)).map((name) => [name, '']),
);

/** `processEnv` over the `.env` file of `dir`, as node's own loader would give it. */
export function readEnvironment(dir: string, processEnv: Environment): Environment {
  const file = join(dir, '.env');
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...processEnv } : processEnv;
}

/** Settings with every fault at once; where a setting is wrong, `settings` holds its default. */
export function readSettings(env: Environment): {
  readonly settings: Settings;
  readonly faults: readonly SetupFault[];
} {
  const { alarm, faults: alarmFaults } = readAlarmSettings(env);
  const { backup, faults: backupFaults } = readBackupSettings(env);
  const faults: SetupFault[] = [...unknownNames(env), ...unsafeTls(env), ...alarmFaults, ...backupFaults];
  const read = <T>(name: (typeof KNOWN)[number], fallback: T, parse: (text: string) => Parsed<T>): T => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') return fallback;
    const parsed = parse(text);
    if ('value' in parsed) return parsed.value;
    faults.push({ where: name, ...parsed });
    return fallback;
  };
  const dataDir = read('HUB_DATA_DIR', 'data', asText);
  const secretKey = read('HUB_SECRET_KEY', '', asSecretKey);
  const settings: Settings = {
    databaseUrl: read('HUB_DATABASE_URL', `sqlite:${join(dataDir, 'hub.db')}`, asDatabaseUrl),
    listen: read('HUB_LISTEN', { host: '127.0.0.1', port: 8710 }, asLoopback),
    dataDir,
    jobsDir: read('HUB_JOBS_DIR', 'jobs', asText),
    schemasDir: read('HUB_SCHEMAS_DIR', 'schemas', asText),
    timezone: read('HUB_TIMEZONE', 'Asia/Shanghai', asTimezone),
    traceLevel: read<TraceLevel>('HUB_TRACE_LEVEL', 'info', asTraceLevel),
    allowedHosts: read<readonly string[]>('HUB_ALLOWED_HOSTS', [], asHosts),
    hubId: read('HUB_ID', 'zhengxin-hub', asHubId),
    ...(secretKey === '' ? {} : { secretKey }),
    alarm,
    backup,
    approvals: read('HUB_APPROVALS', false, asSwitch),
    secondFactor: read('HUB_SECOND_FACTOR', false, asSwitch),
    resyncApproval: read('HUB_RESYNC_APPROVAL', 100, asCount),
    signerKey: read('HUB_SIGNER_KEY', join(dataDir, 'signer.key'), asText),
  };
  return { settings, faults };
}

type Parsed<T> = { readonly value: T } | { readonly zh: string; readonly en: string };

const unknownNames = (env: Environment): SetupFault[] =>
  Object.keys(env)
    .filter((name) => name.startsWith('HUB_') && !KNOWN.some((known) => known === name))
    .map((name) => {
      const hint = didYouMean(name, KNOWN);
      return {
        where: name,
        zh: `没有这个设置${hint.zh || '，请删去'}`,
        en: `no such setting${hint.en || '; remove it'}`,
      };
    });

function unsafeTls(env: Environment): SetupFault[] {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return [];
  return [
    {
      where: 'NODE_TLS_REJECT_UNAUTHORIZED',
      zh: '关闭证书校验会让任何人冒充接收平台；请删去此变量，自签证书用 NODE_EXTRA_CA_CERTS 指定根证书',
      en: 'switching certificate checks off lets anybody play the platform; remove it and name your root certificate in NODE_EXTRA_CA_CERTS',
    },
  ];
}

/** Never repeats the key in a message. */
const asSecretKey = (text: string): Parsed<string> =>
  /^[0-9a-f]{64}$/i.test(text) || (/^[A-Za-z0-9+/_-]{43}=?$/.test(text) && Buffer.from(text, 'base64').length === 32)
    ? { value: text }
    : {
        zh: '应为 64 位十六进制（openssl rand -hex 32）或 32 字节的 Base64',
        en: 'must be 64 hex digits (openssl rand -hex 32) or Base64 of 32 bytes',
      };

const asText = (text: string): Parsed<string> => ({ value: text });

/** Never repeats the address in a message: it may hold a password. */
function asDatabaseUrl(text: string): Parsed<string> {
  if (/^sqlite:./.test(text)) return { value: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(mysql|mariadb):$/.test(url.protocol) && url.hostname !== '' && url.pathname.length > 1) {
    return { value: text };
  }
  return {
    zh: '数据库地址应写成 sqlite:路径 或 mysql://用户:密码@主机:端口/库名',
    en: 'write sqlite:path or mysql://user:password@host:port/database',
  };
}

function asLoopback(text: string): Parsed<Listen> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    return { zh: '应写成 主机:端口，例如 127.0.0.1:8710', en: 'write host:port, for example 127.0.0.1:8710' };
  }
  if (isLoopback(host)) return { value: { host, port } };
  return {
    zh: '只允许监听本机地址（127.0.0.1、[::1] 或 localhost）；要让别的机器访问，请在前面放一个带 TLS 的反向代理',
    en: 'only loopback (127.0.0.1, [::1] or localhost) is allowed; put a reverse proxy with TLS in front for other machines',
  };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && /^(0*:)*:?0*1$/.test(host));

function asTimezone(text: string): Parsed<string> {
  try {
    return { value: new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone };
  } catch {
    return { zh: '不是 IANA 时区名，例如 Asia/Shanghai', en: 'not an IANA time zone such as Asia/Shanghai' };
  }
}

function asTraceLevel(text: string): Parsed<TraceLevel> {
  const value = TRACE_LEVELS.find((level) => level === text);
  const all = TRACE_LEVELS.join(', ');
  return value === undefined ? { zh: `只能是 ${all} 之一`, en: `must be one of ${all}` } : { value };
}

function asHosts(text: string): Parsed<readonly string[]> {
  const hosts = text.split(/[,\s]+/).map((host) => host.toLowerCase());
  if (hosts.every((host) => isRange(host) || /^(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?$/.test(host)))
    return { value: hosts };
  return {
    zh: '应写成以逗号分隔的 主机、主机:端口 或网段（10.0.0.0/8），不带 http:// 与路径',
    en: 'write host, host:port or a range such as 10.0.0.0/8, separated by commas, without http:// and paths',
  };
}

function isRange(text: string): boolean {
  const [address = '', bits = ''] = text.split('/');
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}

const asHubId = (text: string): Parsed<string> =>
  /^[a-z0-9][a-z0-9-]{0,63}$/.test(text)
    ? { value: text }
    : { zh: '只能用小写字母、数字和短横线，最长 64 位', en: 'lower-case letters, digits and hyphens only, at most 64' };

const asSwitch = (text: string): Parsed<boolean> =>
  /^(on|off)$/i.test(text) ? { value: /^on$/i.test(text) } : { zh: '只能是 on 或 off', en: 'on or off only' };

const asCount = (text: string): Parsed<number> =>
  /^\d{1,9}$/.test(text) ? { value: Number(text) } : { zh: '应为 0 以上的整数', en: 'a whole number from 0' };
