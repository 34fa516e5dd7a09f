import { type Reader, select, type Tx } from './database.ts';

/** Digests (hex) of the set-up's items as the log last told of them, by name. */
export async function readSetupDigests(db: Reader): Promise<ReadonlyMap<string, string>> {
  const rows = await select<{ name: string; digest: Buffer }>(db, 'SELECT name, digest FROM setup_digests');
  return new Map(rows.map(({ name, digest }) => [name, digest.toString('hex')]));
}

/** What is told of from now on. */
export async function keepSetupDigests(tx: Tx, digests: ReadonlyMap<string, string>): Promise<void> {
  await tx('setup_digests').delete();
  const rows = [...digests].map(([name, digest]) => ({ name: name.slice(0, 128), digest: Buffer.from(digest, 'hex') }));
  await tx('setup_digests').insert(rows);
}
