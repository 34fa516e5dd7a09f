import { randomUUID } from 'node:crypto';
import { HubError } from '../errors.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { insertEntries, readHead, restartHead } from '../store/log-tree.ts';
import { ENTRY_BYTES, entryBytes, makeEntry } from './entry.ts';
import { leafHash, rootOf } from './merkle.ts';
import { type NoteSigner, signNote } from './note.ts';
import { lookups } from './sequencer.ts';
import { nextOrigin, numberOf } from './signer.ts';
import { restartKeyFile, rotateKeyFile, signerFiles } from './signer-files.ts';

export interface ByPerson {
  readonly by: string;
  readonly reason: string;
  readonly now: Date;
}

/** A new key; the old one signs a note that names it, and goes on signing beside it for thirty days. */
export async function rotateKey(db: Db, path: string, { by, reason, now }: ByPerson): Promise<NoteSigner> {
  const [old] = signerFiles(path).keys(now);
  const { fresh, until } = rotateKeyFile(path, now);
  if (old === undefined) throw new Error(`${path}: no key was valid`);
  const note = signNote(`${old.name}\nnext key\n${fresh.vkey}\n${now.toISOString()}\n`, [old]);
  const detail = { oldKey: old.vkey, newKey: fresh.vkey, until, note, reason };
  await inTransaction(db, (tx) => appendLog(tx, now, [{ actor: by, action: 'signer.rotated', detail }]));
  return fresh;
}

/**
 * After an incident (a restored backup, a lost tail): a new log under a new origin and key. Its entry 0 holds the last
 * checkpoint that the signer remembers and a signed note of what the database had by then; the old entries stay.
 */
export async function restartLog(db: Db, path: string, { by, reason, now }: ByPerson): Promise<NoteSigner> {
  const memory = signerFiles(path);
  const [old] = memory.known();
  if (old === undefined) throw new Error(`${path}: no key`);
  const last = memory.last();
  const head = await readHead(db);
  const number = Math.max(numberOf(old.name), head.logNo);
  const origin = nextOrigin(`${old.name.replace(/-\d+$/, '')}-${number}`);
  const fresh = restartKeyFile(path, origin, numberOf(old.name));
  const root = rootOf({ size: head.size, hashes: head.frontier }).toString('base64');
  const found = `database log ${head.logNo} size ${head.size} root ${root}`;
  const note = signNote(
    `${origin}\nincident\nfollows ${old.name}\n${found}\n${now.toISOString()}\n${oneLine(reason)}\n`,
    [fresh],
  );
  const detail = { oldOrigin: old.name, oldCheckpoint: last ?? '', note, reason };
  const entry = makeEntry({ id: randomUUID(), now, actor: by, action: 'log.restarted', detail });
  const bytes = entryBytes(entry);
  if (bytes.length > ENTRY_BYTES) throw tooLong;
  const leaf = leafHash(bytes);
  await inTransaction(db, async (tx) => {
    await restartHead(tx, await readHead(tx, { lock: true }), { logNo: number + 1, frontier: [leaf] });
    await insertEntries(tx, number + 1, [{ index: 0, entry: bytes, leaf, ...lookups(entry) }]);
  });
  return fresh;
}

const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();

const tooLong = new HubError('REASON_LONG', '理由太长 (the reason is too long)', {
  remedy: 'give-up',
  fix: '请写短一些 (shorten it)',
});
