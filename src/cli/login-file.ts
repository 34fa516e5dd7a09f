import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where `hub login` keeps the token of one account: only its owner may read it (faults.md S45). */
const fileOf = (dataDir: string, name: string): string => join(dataDir, 'logins', encodeURIComponent(name));

export function storedToken(dataDir: string, name: string): string | undefined {
  const file = fileOf(dataDir, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** Accounts of which a token lies here, alive or not. */
export function storedNames(dataDir: string): readonly string[] {
  const folder = join(dataDir, 'logins');
  return existsSync(folder) ? readdirSync(folder).map(decodeURIComponent).toSorted() : [];
}

export function storeToken(dataDir: string, name: string, token: string): void {
  const folder = join(dataDir, 'logins');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Also one that was there before, copied or unpacked with a wider mode.
  chmodSync(folder, 0o700);
  forgetToken(dataDir, name);
  writeFileSync(fileOf(dataDir, name), `${token}\n`, { mode: 0o600, flag: 'wx' });
}

export const forgetToken = (dataDir: string, name: string): void => rmSync(fileOf(dataDir, name), { force: true });
