import { sha256 } from '../canonical.ts';
import type { Answer, QueryAnswer, Verdict } from '../platform.ts';
import { addReceipt } from '../store/carried-receipts.ts';
import type { Tx } from '../store/database.ts';
import { packBody } from '../store/outbox.ts';

/** A receipt in the shape of docs/platform-sftp.md §3, as a return package carries it. */
export interface ReturnReceipt {
  readonly packageId: string;
  readonly receiptId: string;
  readonly level: 1 | 2 | 3;
  readonly receivedCount?: number;
  readonly resultCode?: string;
  readonly resultMsg?: string;
  readonly results?: readonly {
    readonly rowId: string;
    readonly resultCode: string;
    readonly resultMsg: string;
    readonly platformId?: string;
  }[];
}

/** What the inner side's answer comes to; undefined where it says nothing that could be carried back. */
export function receiptFrom(batchId: string, answer: Answer | QueryAnswer): ReturnReceipt | undefined {
  if (answer.outcome === 'received') return { packageId: batchId, receiptId: answer.receiptId, level: 1 };
  if (answer.outcome === 'answered' || answer.outcome === 'partial') {
    return { packageId: batchId, receiptId: answer.receiptId, level: 3, results: answer.verdicts.map(resultOf) };
  }
  if (answer.outcome !== 'refused') return undefined;
  const said = { resultCode: 'REFUSED', resultMsg: answer.reason };
  return { packageId: batchId, receiptId: `refused:${batchId}`, level: 2, ...said };
}

const resultOf = (verdict: Verdict) => ({
  rowId: verdict.idemKey,
  resultCode: verdict.outcome === 'accepted' ? 'OK' : verdict.code,
  resultMsg: verdict.outcome === 'accepted' ? '' : verdict.reason,
  ...(verdict.outcome === 'accepted' && verdict.platformId !== undefined ? { platformId: verdict.platformId } : {}),
});

/** Keeps a receipt in a lane: to be packed at the far end, to be judged at the near one. */
export async function keepReturn(
  tx: Tx,
  receipt: ReturnReceipt,
  how: {
    readonly lane: string;
    readonly file: string;
    readonly actor: string;
    readonly reason: string;
    readonly now: Date;
  },
): Promise<boolean> {
  const body = Buffer.from(JSON.stringify(receipt));
  const { lane, file, actor, reason, now } = how;
  const { packageId: batchId, receiptId, level } = receipt;
  const one = { lane, batchId, receiptId, level, digest: sha256(body), original: null, file, actor, reason };
  return addReceipt(tx, { ...one, body: await packBody(body) }, now);
}
