import { canonicalJson } from '../canonical.ts';
import { batchId } from '../delivery/delivery-key.ts';
import { manifestRoot } from '../delivery/manifest.ts';
import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { Json } from '../json.ts';
import { readPackage } from '../store/batch-package.ts';
import type { Tx } from '../store/database.ts';
import { type BatchRow, type MemberRow, sealBatch } from '../store/outbox.ts';
import { writeBody } from './ready-batches.ts';

interface SentBody {
  readonly header: {
    readonly dataClass: string;
    readonly layoutVersion: string;
    readonly senderCode: string;
    readonly senderName: string;
  };
  readonly records: readonly (Omit<BodyRecord, 'data'> & { readonly data: Json })[];
}

/** Two new sealed batches with the members of a refused one, in their order; keys and payloads stay as they were. */
export async function splitBatch(
  tx: Tx,
  batch: BatchRow,
  members: readonly MemberRow[],
  context: { readonly runId: number; readonly epoch: number; readonly now: () => Date; readonly wire: WireForm },
): Promise<void> {
  const sent: SentBody = JSON.parse((await readPackage(tx, batch.seq)).toString('utf8'));
  const half = Math.ceil(members.length / 2);
  for (const part of [members.slice(0, half), members.slice(half)]) {
    const keys = new Set(part.map(({ idemKey }) => idemKey));
    const records = sent.records
      .filter(({ rowId }) => keys.has(rowId))
      .map((record) => ({ ...record, data: canonicalJson(record.data) }));
    const id = batchId(batch.platform, [...keys]);
    const { dataClass, layoutVersion, senderCode, senderName } = sent.header;
    const header: BodyHeader = {
      packageId: id,
      dataClass,
      layoutVersion,
      sender: { code: senderCode, name: senderName },
    };
    const sealed = {
      id,
      platform: batch.platform,
      form: batch.form,
      runId: context.runId,
      epoch: context.epoch,
      ...(await writeBody(header, records, context.wire)),
      manifestRoot: manifestRoot(records.map(({ payloadHash }) => Buffer.from(payloadHash, 'hex'))).toString('hex'),
      members: part.map((member, index) => ({
        ...member,
        payloadHash: records[index]?.payloadHash ?? '',
      })),
      period: batch.period,
      parentId: batch.id,
    };
    await sealBatch(tx, sealed, context.now());
  }
}
