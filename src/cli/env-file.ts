import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isSecretSetting } from '../accounts/configuration-items.ts';
import { readEnvironment } from '../settings.ts';

/** A `.env` with secrets in it that others on this machine may read. */
export interface LooseFile {
  readonly file: string;
  /** `0644`. */
  readonly mode: string;
  readonly zh: string;
  readonly en: string;
  /** What to type. */
  readonly fix: string;
}

/** Nothing where only its owner may read it, where no secret stands in it, and on Windows, where modes say nothing. */
export function looseEnvFile(dir: string, platform: NodeJS.Platform = process.platform): LooseFile | undefined {
  const file = join(dir, '.env');
  const mode = platform === 'win32' ? 0 : (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  const names = Object.entries(readEnvironment(dir, {})).flatMap(([name, value]) =>
    isSecretSetting(name, value ?? '') ? [name] : [],
  );
  if (names.length === 0) return undefined;
  const said = mode.toString(8).padStart(4, '0');
  return {
    file: '.env',
    mode: said,
    zh: `.env 的权限是 ${said}，同机其他用户可以读到其中的密钥 ${names.join('、')}`,
    en: `.env has mode ${said}: others on this machine can read its secrets`,
    fix: `chmod 600 ${file}`,
  };
}
