import { sha256 } from '../canonical.ts';
import type { Reader } from '../store/database.ts';
import { packBodies, packReceipts, payloadOf } from '../store/evidence-rows.ts';
import { commitmentOf } from '../store/log.ts';
import type { Finding, Findings } from './findings.ts';

/** What the log says of the bytes of a batch. */
export interface LoggedContents {
  readonly id: string;
  readonly payloadCommit: string | undefined;
  readonly receiptHashes: ReadonlySet<string>;
  /** Older entries are gone: the log does not tell of every receipt any more. */
  readonly cut: boolean;
}

/**
 * The exact request and the receipts of a batch against their commitments; how many are undisclosed, their salt
 * being gone (docs/evidence-format.md §5).
 */
export async function verifyContents(
  db: Reader,
  seq: number,
  logged: LoggedContents,
  findings: Findings,
): Promise<number> {
  const wrong = await wrongRequest(db, seq, logged);
  if (typeof wrong === 'object') findings.add(wrong);
  await verifyReceipts(db, logged, findings);
  return wrong === 'undisclosed' ? 1 : 0;
}

async function wrongRequest(
  db: Reader,
  seq: number,
  { id, payloadCommit }: LoggedContents,
): Promise<Finding | 'undisclosed' | undefined> {
  if (payloadCommit === undefined) return undefined;
  const kept = await payloadOf(db, payloadCommit);
  if (kept === undefined) return 'undisclosed';
  const where = `batches ${id}`;
  const body = await packBodies(db, seq).then(
    (bodies) => bodies.body,
    () => undefined,
  );
  if (body === undefined)
    return { code: 15, where, zh: '请求内容已损坏，无法解开', en: 'the request is damaged: it cannot be unpacked' };
  if (commitmentOf(kept.salt, body).toString('hex') === payloadCommit) return undefined;
  return { code: 15, where, zh: '请求内容与日志中的承诺不符', en: 'the request is not what the log commits to' };
}

async function verifyReceipts(db: Reader, { id, receiptHashes, cut }: LoggedContents, findings: Findings) {
  const where = `receipts ${id}`;
  const receipts = await packReceipts(db, id).catch(() => undefined);
  if (receipts === undefined) {
    findings.add({ code: 15, where, zh: '回执已损坏，无法解开', en: 'a receipt is damaged: it cannot be unpacked' });
    return;
  }
  const found = new Map(receipts.map(({ receiptId, body }) => [sha256(body), receiptId]));
  for (const [hash, receiptId] of found) {
    if (receiptHashes.has(hash) || cut) continue;
    const [zh, en] = [`回执 ${receiptId} 不是日志所记的`, `the receipt ${receiptId} is not one that the log tells of`];
    findings.add({ code: 15, where, zh, en });
  }
  for (const hash of receiptHashes) {
    if (found.has(hash)) continue;
    findings.add({
      code: 12,
      where,
      zh: `缺日志所记的回执 ${hash}`,
      en: `the receipt with SHA-256 ${hash} is logged and not there`,
    });
  }
}
