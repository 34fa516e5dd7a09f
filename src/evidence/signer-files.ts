import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { HubError } from '../errors.ts';
import { type NoteKey, type NoteSigner, readSecret, secretText, signerOf } from './note.ts';

/** What a signer has of its own: keys, and the last checkpoint that it signed. */
export interface SignerMemory {
  /** The keys that sign now, the newest first. */
  keys(now: Date): readonly NoteSigner[];
  /** Those and the ones that no longer sign: what it signed before is still its own. */
  known(): readonly NoteKey[];
  /** The last signed note; undefined before the first. */
  last(): string | undefined;
  remember(note: string): void;
}

/** How long an old key signs beside the new one. */
const ROTATION_MS = 30 * 86_400_000;

/** A signer's files: `path` with the keys, `path.checkpoint` with the last note; both 0600 (docs/evidence-format.md §3). */
export function signerFiles(path: string): SignerMemory {
  return {
    keys: (now) => readKeys(path, now),
    known: () => readLines(path).map(({ signer }) => signer),
    last: () => (existsSync(`${path}.checkpoint`) ? readFileSync(`${path}.checkpoint`, 'utf8') : undefined),
    remember: (note) => writeWhole(`${path}.checkpoint`, note),
  };
}

/** Keys and memory of one process only: for the demo and for tests. */
export function signerInMemory(origin: string): SignerMemory {
  const keys = [signerOf(origin, randomBytes(32))];
  let last: string | undefined;
  return {
    keys: () => keys,
    known: () => keys,
    last: () => last,
    remember: (note) => {
      last = note;
    },
  };
}

/** A new key in a new file. */
export function createKeyFile(path: string, origin: string): NoteSigner {
  if (existsSync(path)) {
    throw new HubError('SIGNER_EXISTING', `已有签名密钥 ${path} (there is a key already)`, {
      remedy: 'give-up',
      fix: '更换密钥用 hub signer rotate；不要删除旧文件 (use hub signer rotate; do not delete the old file)',
    });
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const signer = signerOf(origin, randomBytes(32));
  writeWhole(path, `${secretText(signer)}\n`);
  return signer;
}

/** A new key before the old ones, which go on signing for thirty days. */
export function rotateKeyFile(path: string, now: Date): { readonly fresh: NoteSigner; readonly until: string } {
  const [current, ...older] = readLines(path);
  if (current === undefined) throw unreadable(path);
  const fresh = signerOf(current.signer.name, randomBytes(32));
  const until = new Date(now.getTime() + ROTATION_MS).toISOString();
  const kept = [{ ...current, until }, ...older];
  const lines = [secretText(fresh), ...kept.map((line) => `${secretText(line.signer)} until=${line.until}`)];
  writeWhole(path, `${lines.join('\n')}\n`);
  return { fresh, until };
}

/** A key for a restarted log; keys and checkpoint of the old one stay beside it under the old log's name. */
export function restartKeyFile(path: string, origin: string, number: number): NoteSigner {
  renameSync(path, `${path}.log-${number}`);
  if (existsSync(`${path}.checkpoint`)) renameSync(`${path}.checkpoint`, `${path}.checkpoint.log-${number}`);
  return createKeyFile(path, origin);
}

interface KeyLine {
  readonly signer: NoteSigner;
  readonly until: string | undefined;
}

function readKeys(path: string, now: Date): readonly NoteSigner[] {
  return readLines(path)
    .filter((line) => isValid(line, now))
    .map(({ signer }) => signer);
}

const isValid = ({ until }: KeyLine, now: Date): boolean => until === undefined || until > now.toISOString();

function readLines(path: string): readonly KeyLine[] {
  if (!existsSync(path)) {
    throw new HubError('SIGNER_KEYLESS', `没有签名密钥 ${path} (there is no signing key)`, {
      remedy: 'give-up',
      fix: '先运行 hub signer init，或把 HUB_SIGNER_KEY 指向密钥文件 (run hub signer init, or point HUB_SIGNER_KEY to the key)',
    });
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new HubError('SIGNER_EXPOSED', `签名密钥 ${path} 其他用户可读 (other users can read the key)`, {
      remedy: 'give-up',
      fix: `运行 chmod 600 ${path}；若可能已泄露，再运行 hub signer rotate (chmod 600; rotate it if it may have leaked)`,
    });
  }
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => {
    const [secret = '', until] = line.split(' until=');
    const signer = readSecret(secret);
    if (signer === undefined) throw unreadable(path);
    return { signer, until };
  });
}

const unreadable = (path: string): HubError =>
  new HubError('SIGNER_UNREADABLE', `签名密钥 ${path} 无法读懂 (the key file cannot be read)`, {
    remedy: 'give-up',
    fix: '从备份恢复密钥文件；若已丢失，按事故运行 hub signer restart-log (restore it from a backup; if it is lost, hub signer restart-log)',
  });

/** Either the old file or the new one, whole, on disk. */
function writeWhole(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
