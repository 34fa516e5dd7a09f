import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { type NoteSigner, signerOf } from '../../src/evidence/note.ts';
import { rootAt } from '../../src/evidence/proof.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { storedTree } from '../../src/evidence/tree.ts';
import type { Db } from '../../src/store/database.ts';
import { readHead } from '../../src/store/log-tree.ts';

export const ORIGIN = 'hub.example.gov.cn/delivery-log';

/** A key of the tests; another seed is another hub's key. */
export const testSigner = (seed = 7, origin = ORIGIN): NoteSigner => signerOf(origin, Buffer.alloc(32, seed));

/** Places what waits and signs the head, as the signer does each minute. */
export async function signHead(db: Db, signer: NoteSigner = testSigner()): Promise<number> {
  await sequenceAll(db);
  const { logNo, size } = await readHead(db);
  const root = await rootAt(size, storedTree(db, logNo, size));
  const note = signCheckpoint({ origin: signer.name, size, root }, [signer]);
  const row = { log_no: logNo, size, root, origin: signer.name, note, signed_at: '2026-11-27T02:00:00.000Z' };
  await db('checkpoints').insert(row).onConflict(['log_no', 'size']).ignore();
  return size;
}
