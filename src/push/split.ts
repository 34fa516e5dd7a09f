import { canonicalJson } from '../canonical.ts';
import { batchId } from '../delivery/delivery-key.ts';
import { manifestRoot } from '../delivery/manifest.ts';
import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { Json } from '../json.ts';
import { readPackage } from '../store/batch-package.ts';
import type { Tx } from '../store/database.ts';
import type { MemberRow } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, type NewBatch, sealBatch, unpackBody } from '../store/outbox.ts';
import { writeBody } from './ready-batches.ts';
import type { Mover } from './transition.ts';

interface SentBody {
  readonly header: {
    readonly dataClass: string;
    readonly layoutVersion: string;
    readonly senderCode: string;
    readonly senderName: string;
  };
  readonly records: readonly (Omit<BodyRecord, 'data'> & { readonly data: Json })[];
}

/** New sealed batches with these members of a batch, in their order; keys and payloads stay as they were. */
export async function splitBatch(
  tx: Tx,
  batch: BatchRow,
  parts: readonly (readonly MemberRow[])[],
  context: Mover & { readonly wire: WireForm },
): Promise<readonly BatchRow[]> {
  const rows: BatchRow[] = [];
  const sent: SentBody = JSON.parse((await readPackage(tx, batch.seq)).toString('utf8'));
  for (const part of parts) {
    const keys = new Set(part.map(({ idemKey }) => idemKey));
    const records = sent.records
      .filter(({ rowId }) => keys.has(rowId))
      .map((record) => ({ ...record, data: canonicalJson(record.data) }));
    const id = batchId(batch.platform, [...keys]);
    const digests = records.map(({ payloadHash }) => Buffer.from(payloadHash, 'hex'));
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
      manifestRoot: manifestRoot(digests).toString('hex'),
      members: part.map((member, index) => ({ ...member, payloadDigest: digests[index] ?? Buffer.alloc(0) })),
      cutFrom: { id: batch.id, seq: batch.seq, rootSeq: batch.rootSeq ?? batch.seq, tried: batch.tried },
      period: batch.period,
    };
    rows.push(await sealBatch(tx, sealed, context.now()));
    await noteSealed(tx, batch, sealed, context);
  }
  return rows;
}

/** What a part is made of stands in the log like any batch; its records have been told of with the whole. */
async function noteSealed(
  tx: Tx,
  parent: BatchRow,
  sealed: NewBatch,
  { actor, runId, epoch, now }: Mover,
): Promise<void> {
  const { id, form, members, manifestRoot: root, packed, period } = sealed;
  const detail = {
    to: 'SEALED',
    form,
    members: members.length,
    manifestRoot: root,
    period: period ?? null,
    attempt: 0,
    epoch,
    parent: parent.id,
  };
  const payload = { kind: 'body' as const, subject: id, bytes: await unpackBody(packed) };
  await appendLog(tx, now(), [
    { actor, action: 'batch.sealed', platform: parent.platform, batchId: id, runId, detail, payload },
  ]);
}
