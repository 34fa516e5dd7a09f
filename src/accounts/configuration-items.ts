import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../canonical.ts';
import { readYaml } from '../job/yaml-file.ts';
import { isJsonObject } from '../json.ts';
import type { Environment } from '../settings.ts';

/**
 * What decides what is sent to whom, by name: every job file `jobs/…`, every file of the schemas folder `schemas/…` with the
 * calendar among them, upload templates and roots that jobs name as `files/…` in Base64, and `settings`.
 */
export type Items = ReadonlyMap<string, string>;

const SETTINGS = 'settings';

/** Settings that change what is sent to whom; the others say where this machine keeps things. */
const GUARDED = ['HUB_ALLOWED_HOSTS', 'HUB_ID', 'HUB_RESYNC_APPROVAL', 'HUB_TIMEZONE'];
const SECRET = /TOKEN|SECRET|PASSWORD|PASS$|KEY$/i;
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

export interface ItemFolders {
  readonly jobsDir: string;
  readonly schemasDir: string;
  readonly env: Environment;
  /** Values that must be written down nowhere. */
  readonly secrets?: readonly string[];
  /** What is to stand for the files that jobs name, by path. */
  readonly files?: ReadonlyMap<string, Buffer>;
}

/** As the files and the environment are now. */
export function readItems({ jobsDir, schemasDir, env, secrets = [] }: ItemFolders): Items {
  const jobs = filesOf(jobsDir, /\.ya?ml$/).map(([path, text]) => [`jobs/${path}`, text] as const);
  const schemas = filesOf(schemasDir, /\.json$/).map(([path, text]) => [`schemas/${path}`, text] as const);
  const names = new Set(jobs.flatMap(([, text]) => [...text.matchAll(VARIABLE)].map(([, name = '']) => name)));
  const settings = [SETTINGS, settingsText([...GUARDED, ...names], env, secrets)] as const;
  return new Map([...jobs, ...schemas, ...jobs.flatMap(([name, text]) => filesOfJob(name, text, env)), settings]);
}

const FILES = 'files/';

/** The upload template of an `excel` platform, and the root that a platform's certificate must come from; what cannot be read is told by the run. */
function filesOfJob(name: string, text: string, env: Environment): (readonly [string, string])[] {
  if (!/template|\bca\b/.test(text)) return [];
  const job: unknown = readYaml(name, text, env).doc.toJS({ maxAliasCount: 100 });
  const platform = isJsonObject(job) && isJsonObject(job['platform']) ? job['platform'] : {};
  const { template, tls } = platform;
  const paths = [template, isJsonObject(tls) ? tls['ca'] : undefined].filter((path) => typeof path === 'string');
  return paths
    .filter((path) => existsSync(path))
    .map((path) => [`${FILES}${path}`, readFileSync(path).toString('base64')] as const);
}

/** Files that jobs name, by their path, as this set has them. */
export const filesIn = (items: Items): ReadonlyMap<string, Buffer> =>
  new Map(
    [...items].flatMap(([name, text]) =>
      name.startsWith(FILES) ? [[name.slice(FILES.length), Buffer.from(text, 'base64')] as const] : [],
    ),
  );

/** For people: of a file that is no text its digest. */
export const shownText = (name: string, text: string | undefined): string | undefined =>
  text === undefined || !name.startsWith(FILES) ? text : `sha256 ${sha256(Buffer.from(text, 'base64'))}\n`;

function filesOf(dir: string, ending: RegExp): (readonly [string, string])[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(dir, '/').length).replaceAll('\\', '/'))
    .toSorted()
    .map((path) => [path, readFileSync(join(dir, path), 'utf8')] as const);
}

/** Guarded settings and the variables that job files name; a secret is never written down. */
export function settingsText(names: readonly string[], env: Environment, secrets: readonly string[]): string {
  const said = [...new Set(names)].toSorted().flatMap((name) => {
    const value = env[name] === undefined ? undefined : withoutSecret(name, env[name], secrets);
    return value === undefined ? [] : [[name, value] as const];
  });
  return canonicalJson(Object.fromEntries(said));
}

/** A secret by its name, or an address with a password in it. */
export const isSecretSetting = (name: string, value: string): boolean =>
  value !== '' && (SECRET.test(name) || passwordIn(value) !== '');

const MASK = '***';

/** An address without its password; `undefined` for a value that is a secret, by its name or by where jobs put it. */
function withoutSecret(name: string, value: string, secrets: readonly string[]): string | undefined {
  const masked = value.replace(/(:\/\/[^/\s:@]*:)[^/\s@]+@/, `$1${MASK}@`);
  if (masked === value && SECRET.test(name)) return undefined;
  return secrets.some((secret) => secret === masked || (secret.length >= 6 && masked.includes(secret)))
    ? undefined
    : masked;
}

export const itemsDigest = (items: Items): string => sha256(canonicalJson(digests(items)));

export const digests = (items: Items): { readonly [name: string]: string } =>
  Object.fromEntries([...items].map(([name, text]) => [name, sha256(text)]));

/** Names of what is not the same in both, in order. */
export const changedItems = (before: Items, now: Items): readonly string[] =>
  [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name)).toSorted();

/** Names and values of the settings that differ, old and new. */
export function changedSettings(
  before: Items,
  now: Items,
): { [name: string]: readonly [string | null, string | null] } {
  const [old, fresh] = [settingsOf(before), settingsOf(now)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].toSorted();
  return Object.fromEntries(
    names.filter((name) => old[name] !== fresh[name]).map((name) => [name, [old[name] ?? null, fresh[name] ?? null]]),
  );
}

const settingsOf = (items: Items): { readonly [name: string]: string } => JSON.parse(items.get(SETTINGS) ?? '{}');

/** The environment as it was approved; passwords inside addresses are those of now. */
export function approvedEnvironment(approved: Items, now: Items, env: Environment): Environment {
  const [old, fresh] = [settingsOf(approved), settingsOf(now)];
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !(name in fresh) || name in old));
  const back = Object.entries(old).map(([name, value]) => [name, value.replace(MASK, passwordIn(env[name] ?? ''))]);
  return { ...kept, ...Object.fromEntries(back) };
}

const passwordIn = (address: string): string => /:\/\/[^/\s:@]*:([^/\s@]+)@/.exec(address)?.[1] ?? '';
