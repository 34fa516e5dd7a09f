import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../canonical.ts';
import type { Proven } from '../proven.ts';

const home = join(import.meta.dirname, '../..');
/** Beside the compiled program: who can write here can change the program itself. `npm ci` takes it away. */
const CACHE = join(home, 'node_modules', '.cache', 'hub-proven');
const KEPT_MS = 2 * 86_400_000;

/**
 * Remembers, from one start of the hub to the next, which examples of schemas and samples of jobs showed no fault: they are tried
 * again when a schema, the job, the program or the day is another one. Where nothing can be written every start tries them.
 */
export function provenBefore(cache: string = CACHE): Proven {
  const program = programDigest();
  const fileOf = (digest: string): string => join(cache, sha256(`${program} ${digest}`));
  return {
    has: (digest) => statSync(fileOf(digest), { throwIfNoEntry: false }) !== undefined,
    add: (digest) => {
      try {
        mkdirSync(cache, { recursive: true });
        forgetOld(cache);
        writeFileSync(fileOf(digest), '');
      } catch {
        // A program folder that is read-only: slower starts, nothing else.
      }
    },
  };
}

/** Changes with any file of the program and with the versions that it builds on. */
function programDigest(): string {
  const files = readdirSync(join(home, 'src'), { recursive: true, encoding: 'utf8' }).toSorted();
  const seen = [...files.map((file) => join('src', file)), 'package-lock.json'].map((file) => {
    const stat = statSync(join(home, file), { throwIfNoEntry: false });
    return `${file} ${stat?.size} ${stat?.mtimeMs}`;
  });
  return sha256(seen.join('\n'));
}

/** A proof holds for one day. */
function forgetOld(cache: string): void {
  for (const name of readdirSync(cache)) {
    const file = join(cache, name);
    if (Date.now() - statSync(file).mtimeMs > KEPT_MS) rmSync(file, { force: true });
  }
}
