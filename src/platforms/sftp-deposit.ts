import { sha256 } from '../canonical.ts';
import { failpoint } from '../failpoint.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { Answer, OutgoingBatch } from '../platform.ts';
import type { SftpFiles } from './sftp-files.ts';
import { needsAPerson, SftpTrouble } from './sftp-trouble.ts';

/** Where one package goes. */
export interface Place {
  readonly name: string;
  /** Full path of the file under its final name. */
  readonly final: string;
  readonly part: string;
  readonly ok: string;
  /** The `.ok` until it is whole. */
  readonly okPart: string;
  /** Member of the `.ok` for the log's checkpoint, where the job names one. */
  readonly slot?: string;
}

/** How a file at the server compares with what was sent. */
export type Compared = 'absent' | 'same' | 'other';

export async function compare(files: SftpFiles, path: string, batch: OutgoingBatch): Promise<Compared> {
  const bytes = await files.read(path, batch.body.length);
  if (bytes === undefined) return 'absent';
  return bytes.length === batch.body.length && sha256(bytes) === batch.bodyDigest ? 'same' : 'other';
}

/** `anchor`: the checkpoint that stands in the `.ok` now, where the job names a member for it. */
type Deposited =
  | { readonly outcome: 'deposited'; readonly anchor?: string }
  | Exclude<Answer, { readonly outcome: 'answered' | 'received' | 'partial' }>;

/**
 * Writes a package so that no reader ever sees half of it (delivery.md §1.4): under a temporary name, brought to disk, read back,
 * renamed without overwriting, and only then announced by its `.ok`. Until the rename every failure is definite.
 */
export async function deposit(files: SftpFiles, place: Place, batch: OutgoingBatch): Promise<Deposited> {
  const wrong = await writePart(files, place, batch);
  if (wrong !== undefined) return wrong;
  failpoint('S9-part');
  try {
    await files.rename(place.part, place.final);
    failpoint('S9-renamed');
  } catch (error) {
    return renameFailed(files, place, batch, asTrouble(error));
  }
  return announce(files, place, batch);
}

async function writePart(files: SftpFiles, place: Place, batch: OutgoingBatch): Promise<Deposited | undefined> {
  try {
    await files.remove(place.part);
    await files.create(place.part, batch.body);
    const size = await files.size(place.part);
    const read = await compare(files, place.part, batch);
    if (size === batch.body.length && read === 'same') return undefined;
    await files.remove(place.part);
    const reason = `写入 ${batch.body.length} 字节，服务器称 ${size ?? 0} 字节、读回${read === 'same' ? '相同' : '不同'}，已删除重来 (wrote ${batch.body.length} bytes, the server says ${size ?? 0} and reads back ${read}: removed)`;
    return { outcome: 'not-sent', reason, page: false, evidence: {} };
  } catch (error) {
    const trouble = asTrouble(error);
    await files.remove(place.part).catch(() => undefined);
    return notSent(trouble);
  }
}

export const notSent = (trouble: SftpTrouble): Extract<Answer, { outcome: 'not-sent' }> => ({
  outcome: 'not-sent',
  reason: trouble.message,
  page: needsAPerson(trouble),
  evidence: {},
});

/** Refused, or done with its answer lost: the name itself tells, unless the connection is gone. */
async function renameFailed(
  files: SftpFiles,
  place: Place,
  batch: OutgoingBatch,
  trouble: SftpTrouble,
): Promise<Deposited> {
  if (trouble.kind === 'lost') return doubt(trouble);
  try {
    const found = await compare(files, place.final, batch);
    if (found === 'same') return announce(files, place, batch);
    if (found === 'other') return conflict(place);
    const left = await files.size(place.part);
    if (left === undefined) return doubt(trouble);
    await files.remove(place.part);
    return notSent(trouble);
  } catch (error) {
    return doubt(asTrouble(error));
  }
}

/**
 * `….ok` with digest and count, after everything else and like it under a temporary name first: an empty one would be read as a
 * broken announcement. One that somebody cut off is written anew. A whole one stays as it is, with the checkpoint that it told first:
 * the receiver may have read it.
 */
export async function announce(
  files: SftpFiles,
  { ok, okPart, slot }: Place,
  batch: OutgoingBatch,
): Promise<Deposited> {
  const { bodyDigest: digest, idemKeys, anchor } = batch;
  const told = slot === undefined || anchor === undefined ? {} : { [slot]: anchor };
  try {
    const there = await files.read(ok, MOST_OK);
    const said = there === undefined ? undefined : wholeOk(there);
    await files.remove(okPart);
    if (said?.['sha256'] === digest && said['count'] === idemKeys.length) return deposited(slot && said[slot]);
    await files.create(okPart, Buffer.from(JSON.stringify({ sha256: digest, count: idemKeys.length, ...told })));
    if (there !== undefined) await files.remove(ok);
    await files.rename(okPart, ok);
    return deposited(told[slot ?? '']);
  } catch (error) {
    return doubt(asTrouble(error));
  }
}

const MOST_OK = 65_536;

const deposited = (anchor: unknown): Deposited => ({
  outcome: 'deposited',
  ...(typeof anchor === 'string' ? { anchor } : {}),
});

function wholeOk(bytes: Buffer): JsonObject | undefined {
  try {
    const said: Json = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(said) ? said : undefined;
  } catch {
    return undefined;
  }
}

export const conflict = ({ name }: Place): Extract<Answer, { outcome: 'conflict' }> => ({
  outcome: 'conflict',
  reason: `${name} 已存在且内容不同，未覆盖 (a file of this name is there with other content; it was not overwritten)`,
  evidence: {},
});

export const doubt = ({ message }: SftpTrouble): Extract<Answer, { outcome: 'unknown' }> => ({
  outcome: 'unknown',
  reason: message,
  evidence: {},
});

/** Anything that is no SftpTrouble is a bug and stays one. */
export function asTrouble(error: unknown): SftpTrouble {
  if (error instanceof SftpTrouble) return error;
  throw error;
}
