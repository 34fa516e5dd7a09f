import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { Reader, Tx } from './database.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** `initial`: the set that was there first; `unguarded`: let in while approvals were off. */
export type HowApproved = 'initial' | 'approved' | 'unguarded';

export interface ConfigurationRow {
  readonly id: number;
  /** Lower-case hex over names and contents. */
  readonly digest: string;
  readonly how: HowApproved;
  readonly actor: string;
  readonly requestId: number | null;
  readonly at: string;
}

export async function addConfiguration(
  tx: Tx,
  row: Omit<ConfigurationRow, 'id'> & { readonly content: Uint8Array },
): Promise<void> {
  await tx('configurations').insert({
    digest: Buffer.from(row.digest, 'hex'),
    content: row.content,
    how: row.how,
    actor: row.actor,
    request_id: row.requestId,
    at: row.at,
  });
}

export const packConfiguration = (items: ReadonlyMap<string, string>): Promise<Buffer> =>
  compress(JSON.stringify([...items]));

/** The newest set, or the newest that was let in by a person or first. */
export async function newestConfiguration(
  db: Reader,
  which: 'any' | 'approved',
): Promise<ConfigurationRow | undefined> {
  const query = db('configurations').select('id', 'digest', 'how', 'actor', 'request_id', 'at').orderBy('id', 'desc');
  if (which === 'approved') query.whereNot('how', 'unguarded');
  const row = await query.first();
  if (row === undefined) return undefined;
  const { id, digest, how, actor, request_id: requestId, at } = row;
  return { id: Number(id), digest: digest.toString('hex'), how, actor, requestId, at };
}

/** Name → text. */
export async function readConfiguration(db: Reader, id: number): Promise<ReadonlyMap<string, string>> {
  const row = await db('configurations').select('content').where({ id }).first();
  if (row === undefined) throw new Error(`configuration ${id} is missing`);
  return new Map(JSON.parse((await decompress(row.content)).toString('utf8')));
}
