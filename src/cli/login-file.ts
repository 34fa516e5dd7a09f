import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where `hub login` keeps the token of one account: only its owner may read it (faults.md S45). */
const fileOf = (dataDir: string, name: string): string => join(dataDir, 'logins', encodeURIComponent(name));

export function storedToken(dataDir: string, name: string): string | undefined {
  const file = fileOf(dataDir, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

export function storeToken(dataDir: string, name: string, token: string): void {
  mkdirSync(join(dataDir, 'logins'), { recursive: true, mode: 0o700 });
  forgetToken(dataDir, name);
  writeFileSync(fileOf(dataDir, name), `${token}\n`, { mode: 0o600, flag: 'wx' });
}

export const forgetToken = (dataDir: string, name: string): void => rmSync(fileOf(dataDir, name), { force: true });
