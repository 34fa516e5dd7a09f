import { isMap, type Node } from 'yaml';
import { isDay } from '../calendar/day.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { portOf } from '../wire/usual-ports.ts';
import { durationS } from './duration.ts';
import { type Members, required, type Shape, type TextCheck, text } from './shape.ts';
import { VARIABLE } from './yaml-file.ts';

/** The words that the shapes of job files are built from. */

/** Where schemas are broken there are no names to compare with: their own faults come first. */
export const nameOf = (names: readonly string[]): Shape => (names.length === 0 ? text : { is: 'text', oneOf: names });

export const object = (members: Members): Shape => ({ is: 'object', members });
export const list = (of: Shape, min = 0): Shape => ({ is: 'list', of, min });
export const oneOf = (...words: readonly string[]): Shape => ({ is: 'text', oneOf: words });
export const checked = (check: TextCheck): Shape => ({ is: 'text', check });
export const integer = (min: number, max: number): Shape => ({ is: 'integer', min, max });
export const secret: Shape = { is: 'text', secret: true };
/** Headers and parameters: those named like secrets must not stand in clear. */
export const texts: Shape = {
  is: 'map',
  of: text,
  secretKeys: /token|secret|password|authorization|cookie|sign|key$/i,
};

const matching =
  (pattern: RegExp, zh: string, en: string): TextCheck =>
  (value) =>
    pattern.test(value) ? undefined : { zh, en };

export const duration = checked((value) =>
  durationS(value) === undefined
    ? { zh: '时长应写成 90s、10m、20h 或 7d', en: 'write a duration as 90s, 10m, 20h or 7d' }
    : undefined,
);
export const clock = checked(
  matching(/^([01]\d|2[0-3]):[0-5]\d$/, '时刻应写成 "09:00"', 'write a time of day as "09:00"'),
);
export const day = checked((value) =>
  isDay(value)
    ? undefined
    : { zh: '日期应写成 2026-12-04，且须真有这一天', en: 'write a date as 2026-12-04, a day that exists' },
);
/** SQL identifiers never come quoted from outside (faults.md S21). */
export const identifier = checked(
  matching(
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    '表名、列名只能用字母、数字和下划线',
    'letters, digits and underscores only in table and column names',
  ),
);

export const auth: Shape = {
  is: 'choice',
  choose: (node) => {
    if (hasMember(node, 'header')) return object({ header: required({ is: 'map', of: secret, min: 1 }) });
    if (hasMember(node, 'hmac')) {
      return object({
        hmac: required(object({ requesterId: required(text), serviceId: required(text), secret: required(secret) })),
      });
    }
    return object({ bearer: required(secret) });
  },
};

/** With a wrong `use` nothing else can be judged: complain of that member alone. */
export function byUse(shapes: { readonly [use: string]: Shape }): Shape {
  const unknown: Shape = { is: 'object', members: { use: required(oneOf(...Object.keys(shapes))) }, open: true };
  return { is: 'choice', choose: (node) => shapes[textOf(node, 'use')] ?? unknown };
}

export const httpUrl =
  (hosts: readonly string[]): TextCheck =>
  (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      return {
        zh: '应为 http:// 或 https:// 开头的网址',
        en: 'must be an address that begins with http:// or https://',
      };
    }
    if (url.username !== '' || url.password !== '') {
      return { zh: '网址里不可带用户名和密码，请用 auth', en: 'no user name or password in an address; use auth' };
    }
    return notAllowed(url, hosts);
  };

export const sftpUrl =
  (hosts: readonly string[]): TextCheck =>
  (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url?.protocol !== 'sftp:' || url.hostname === '' || url.pathname.length > 1) {
      return {
        zh: '应写成 sftp://主机:端口，目录写在 folder',
        en: 'write sftp://host:port; folders stand under folder',
      };
    }
    if (url.username !== '' || url.password !== '') {
      return { zh: '网址里不可带用户名和密码，请用 login', en: 'no user name or password in an address; use login' };
    }
    return notAllowed(url, hosts);
  };

export const sqlUrl =
  (hosts: readonly string[]): TextCheck =>
  (value, written) => {
    if (/^sqlite:./.test(value)) return undefined;
    if (/:\/\/[^/@:]*:[^@]+@/.test(written.replace(VARIABLE, ''))) return CLEAR_PASSWORD;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (
      url === undefined ||
      !/^[a-z][a-z0-9]*:$/.test(url.protocol) ||
      url.hostname === '' ||
      url.pathname.length < 2
    ) {
      return {
        zh: '应写成 sqlite:路径 或 mysql://用户:密码@主机:端口/库名',
        en: 'write sqlite:path or mysql://user:password@host:port/database',
      };
    }
    return notAllowed(url, hosts);
  };

const CLEAR_PASSWORD = {
  zh: '密码不可写明文，请把它（或整个地址）写成 ${变量名} 并把值放进 .env',
  en: 'no password in clear: write it, or the whole address, as ${NAME} and put its value into .env',
};

function notAllowed(url: URL, hosts: readonly string[]): ReturnType<TextCheck> {
  if (hosts.length === 0 || allowedHosts(hosts).allowsName(url.hostname, portOf(url))) return undefined;
  return {
    zh: `${url.host} 不在 HUB_ALLOWED_HOSTS 之列；确属可信请加入`,
    en: `${url.host} is not in HUB_ALLOWED_HOSTS; add it if it can be trusted`,
  };
}

export const hasMember = (node: Node, member: string): boolean => isMap(node) && node.has(member);

export const textOf = (node: Node, member: string): string => {
  const value = isMap(node) ? node.get(member) : undefined;
  return typeof value === 'string' ? value : '';
};
