import type { OutgoingBatch, QueryAnswer, StrayReceipt, Verdict } from '../platform.ts';
import type { ReceiptTerms } from '../platform-spec.ts';
import type { ReceiptFile, ReceiptRow } from './receipt-file.ts';

/** Codes that mean “accepted” unless the platform's YAML says which do. */
const ACCEPTED: readonly string[] = ['OK', 'DUPLICATE', '成功', '通过'];

/** A receipt never says that a batch is absent. */
type Found = Exclude<QueryAnswer, { readonly outcome: 'absent' }>;

/** The verdict of one row, for the member that it is about. */
function verdictOf({ code, message, platformId }: ReceiptRow, idemKey: string, accepted = ACCEPTED): Verdict {
  if (!accepted.includes(code)) return { idemKey, outcome: 'rejected', code, reason: message === '' ? code : message };
  return { idemKey, outcome: 'accepted', code, ...(platformId === undefined ? {} : { platformId }) };
}

/** What the receipts found for a batch come to; the highest level counts. Undefined: there is none about it. */
export function answerOf(
  receipts: readonly ReceiptFile[],
  batch: OutgoingBatch,
  { accepted = ACCEPTED, lists = 'all' }: ReceiptTerms = {},
): Found | undefined {
  const about = receipts.filter(({ batchId }) => batchId === undefined || batchId === batch.batchId);
  const best = about.toSorted((left, right) => right.level - left.level)[0];
  if (best === undefined) return undefined;
  const head = { receiptId: best.receiptId, evidence: { bytes: best.bytes } };
  if (best.bodyDigest !== undefined && best.bodyDigest !== batch.bodyDigest) {
    const reason = '回执所说的内容与所报不同 (the receipt is about other bytes under this name)';
    return { outcome: 'conflict', reason, evidence: head.evidence };
  }
  if (best.level === 1) return { outcome: 'received', ...head };
  if (best.level === 2) return packageCheck(best, accepted);
  return results(best, batch, { accepted, lists });
}

type ReadTerms = Pick<ReceiptTerms, 'accepted' | 'lists'>;

function packageCheck(receipt: ReceiptFile, accepted: readonly string[]): Found {
  const { receiptId, code = 'OK', message = '', bytes } = receipt;
  if (accepted.includes(code)) return { outcome: 'received', receiptId, evidence: { bytes } };
  const reason = `整包未通过校验 ${code} ${message} (the package check failed)`.replace(/ +/g, ' ');
  return { outcome: 'refused', reason, evidence: { bytes } };
}

function results(receipt: ReceiptFile, batch: OutgoingBatch, { accepted, lists }: Required<ReadTerms>): Found {
  const { receiptId, bytes } = receipt;
  const open = new Set(batch.idemKeys);
  const verdicts: Verdict[] = [];
  let strangers = 0;
  for (const row of receipt.rows) {
    const key = keyOf(row, batch);
    if (key === undefined || !open.delete(key)) strangers += 1;
    else verdicts.push(verdictOf(row, key, accepted));
  }
  const evidence = { bytes };
  if (strangers > 0) {
    const reason = `回执有 ${strangers} 行不属于本批或重复 (${strangers} rows of the receipt are of no record of this batch, or come twice)`;
    return { outcome: 'unknown', reason, evidence };
  }
  if (lists === 'failures') {
    for (const idemKey of open) verdicts.push({ idemKey, outcome: 'accepted', code: 'NOT_LISTED' });
    return { outcome: 'answered', receiptId, verdicts, evidence };
  }
  if (open.size === 0) return { outcome: 'answered', receiptId, verdicts, evidence };
  const reason = `回执缺 ${open.size} 条 (the receipt lacks ${open.size} records)`;
  return { outcome: 'partial', receiptId, reason, verdicts, evidence };
}

/** By row id, else by the number of the row in the file that was sent. */
const keyOf = ({ rowId, rowNo }: ReceiptRow, { idemKeys }: OutgoingBatch): string | undefined =>
  rowId ?? (rowNo === undefined ? undefined : idemKeys[rowNo - 1]);

/** Whether a receipt can be read without the package that it is about. */
export function speaksForItself({ level, rows, code }: ReceiptFile, terms: ReceiptTerms = {}): boolean {
  const { accepted = ACCEPTED, lists = 'all' } = terms;
  if (level === 2) return code === undefined || accepted.includes(code);
  return level === 1 || (lists === 'all' && rows.every(({ rowId }) => rowId !== undefined));
}

/** A receipt that nobody asked for, in the words of the protocol. */
export function toStray(receipt: ReceiptFile, { accepted = ACCEPTED }: ReceiptTerms = {}): Omit<StrayReceipt, 'taken'> {
  const { receiptId, batchId, bodyDigest, count, level, rows, bytes } = receipt;
  const verdicts = rows.flatMap((row) => (row.rowId === undefined ? [] : [verdictOf(row, row.rowId, accepted)]));
  return {
    ...{ receiptId, batchId, level, verdicts, evidence: { bytes } },
    ...(bodyDigest === undefined ? {} : { bodyDigest }),
    ...(count === undefined ? {} : { count }),
  };
}
