import type { OutgoingBatch, QueryAnswer, StrayReceipt } from '../platform.ts';
import type { ReceiptTerms } from '../platform-spec.ts';
import { type CarriedReceipt, receiptsAbout, takeReceipts, untakenReceipts } from '../store/carried-receipts.ts';
import type { Db } from '../store/database.ts';
import { unpackBody } from '../store/outbox.ts';
import { type ReceiptFile, readReceiptFiles } from './receipt-file.ts';
import { answerOf, speaksForItself, toStray } from './receipt-verdicts.ts';

/** Receipts of a platform that people or a medium brought and `carry/` has kept. */
export interface ByHand {
  /** What they say of a batch; undefined where there are none. */
  readonly answer: (batch: OutgoingBatch) => Promise<Exclude<QueryAnswer, { readonly outcome: 'absent' }> | undefined>;
  readonly stray: () => AsyncGenerator<StrayReceipt>;
}

export function byHand(
  db: Db,
  lane: string,
  { now, terms }: { readonly now: () => Date; readonly terms: ReceiptTerms },
): ByHand {
  return {
    answer: async (batch) => {
      const rows = await receiptsAbout(db, lane, batch.batchId);
      const receipts = await Promise.all(rows.map(read));
      const best = receipts.filter(({ level }) => level === Math.max(...receipts.map((one) => one.level)));
      // The first word counts here; a later one that contradicts it comes up as a stray receipt.
      return answerOf(best.slice(0, 1), batch, terms);
    },
    stray: async function* () {
      for (const row of await untakenReceipts(db, lane)) {
        const receipt = await read(row);
        const taken = (): Promise<void> => takeReceipts(db, [row.id], now());
        if (row.batchId === null || speaksForItself(receipt, terms)) yield { ...toStray(receipt, terms), taken };
      }
    },
  };
}

async function read({ body, receiptId, batchId }: CarriedReceipt): Promise<ReceiptFile> {
  const [receipt] = await readReceiptFiles('receipt.json', await unpackBody(body));
  if (receipt === undefined) throw new Error(`receipt ${receiptId} is kept without content`);
  return { ...receipt, receiptId, batchId: batchId ?? receipt.batchId };
}
