import { sha256 } from '../canonical.ts';
import { batchId } from '../delivery/delivery-key.ts';
import { manifestRoot } from '../delivery/manifest.ts';
import { type BodyHeader, type BodyRecord, buildBody } from '../delivery/outgoing-body.ts';
import { PACKAGE_FORM, type WireForm } from '../delivery/wire-form.ts';
import type { Form } from '../schema/outbound.ts';
import { packBody, type SealedMember } from '../store/outbox.ts';
import type { RenderedPage } from './pending-page.ts';
import type { Member, Render } from './render.ts';

/** Everything that sealing needs, computed: the transaction only writes it down. */
export interface ReadyBatch {
  readonly id: string;
  readonly form: string;
  /** The exact body bytes, and the same zstd-compressed. */
  readonly body: Uint8Array;
  readonly packed: Uint8Array;
  readonly contentType: string;
  /** The hub's own package, zstd-compressed, where `body` has another form. */
  readonly packedPackage: Uint8Array | undefined;
  /** Lower-case hex. */
  readonly bodyDigest: string;
  readonly manifestRoot: string;
  readonly members: readonly SealedMember[];
}

/** A page of pending versions, and the batches that it made full. */
export interface Stretch extends Omit<RenderedPage, 'members'> {
  readonly batches: readonly ReadyBatch[];
}

export interface Batching extends Pick<Render, 'platformName' | 'sender' | 'wire'> {
  readonly batchSize: number;
}

/** Puts rendered records into batches, each form's in record order; the rest with the last page. */
export async function* readyBatches(pages: AsyncIterable<RenderedPage>, context: Batching): AsyncGenerator<Stretch> {
  const waiting = new Map<Form, Member[]>();
  for await (const { members, ...page } of pages) {
    for (const [form, more] of members) waiting.set(form, [...(waiting.get(form) ?? []), ...more]);
    const batches: ReadyBatch[] = [];
    for (const [form, queue] of waiting) {
      while (queue.length >= (page.isLast ? 1 : context.batchSize)) {
        batches.push(await toBatch(form, queue.splice(0, context.batchSize), context));
      }
    }
    yield { ...page, batches };
  }
}

async function toBatch(form: Form, members: readonly Member[], context: Batching): Promise<ReadyBatch> {
  const { platformName, sender, wire } = context;
  const id = batchId(
    platformName,
    members.map((member) => member.idemKey),
  );
  const header = { packageId: id, dataClass: form.dataClass, layoutVersion: form.layout, sender };
  const records = members.map((member) => ({
    rowId: member.idemKey,
    recordKey: member.recordKey,
    dataVersion: member.version,
    op: member.operation === 'WITHDRAW' ? ('D' as const) : ('U' as const),
    payloadHash: member.payloadHash,
    data: member.data,
  }));
  const digests = members.map(({ payloadHash }) => Buffer.from(payloadHash, 'hex'));
  return {
    id,
    form: form.name,
    ...(await writeBody(header, records, wire)),
    manifestRoot: manifestRoot(digests).toString('hex'),
    members: members.map(({ recordId, version, rendition, operation, idemKey }, index) => ({
      ...{ recordId, version, rendition, operation, idemKey },
      payloadDigest: digests[index] ?? NO_DIGEST,
    })),
  };
}

const NO_DIGEST = Buffer.alloc(0);

/** An empty package for a period in which nothing was new (零报送): the platform receipts it like any other. */
export async function nilBatch(form: Form, period: string, context: Batching): Promise<ReadyBatch> {
  const { platformName, sender, wire } = context;
  const id = batchId(platformName, [`nil/${period}`]);
  const header = { packageId: id, dataClass: form.dataClass, layoutVersion: form.layout, sender };
  const body = await writeBody(header, [], wire);
  return { id, form: form.name, ...body, manifestRoot: manifestRoot([]).toString('hex'), members: [] };
}

/** The exact bytes in the platform's own form, and the package behind them. */
export async function writeBody(header: BodyHeader, records: readonly BodyRecord[], wire: WireForm) {
  const body = await wire.render(header, records);
  const packedPackage = wire === PACKAGE_FORM ? undefined : await packBody(buildBody(header, records));
  return {
    body,
    packed: await packBody(body),
    packedPackage,
    contentType: wire.contentType,
    bodyDigest: sha256(body),
  };
}
