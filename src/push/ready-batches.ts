import { sha256 } from '../canonical.ts';
import { batchId } from '../delivery/delivery-key.ts';
import { manifestRoot } from '../delivery/manifest.ts';
import { type BodyHeader, type BodyRecord, buildBody } from '../delivery/outgoing-body.ts';
import { PACKAGE_FORM, type WireForm } from '../delivery/wire-form.ts';
import { isError } from '../fault.ts';
import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import type { Reader } from '../store/database.ts';
import { packBody, type SealedMember } from '../store/outbox.ts';
import { type PendingRow, readPending } from '../store/pending.ts';
import type { Ticket } from '../store/quarantine.ts';
import { type Member, type Render, render } from './render.ts';

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

/** How far a pass has come: the last record that was read, and the members of each form that do not make a batch yet. */
export interface Place {
  afterId: number;
  readonly waiting: Map<Form, Member[]>;
}

/** What a stretch of pending versions came to. */
export interface Stretch {
  readonly batches: readonly ReadyBatch[];
  readonly tickets: readonly Ticket[];
  readonly notForPlatform: number;
  readonly unconfirmed: number;
  /** Fault code → records. */
  readonly faults: ReadonlyMap<string, number>;
  /** Nothing is left after it. */
  readonly isLast: boolean;
}

export interface ReadyBatches extends Render {
  readonly db: Reader;
  readonly batchSize: number;
  /** Types that this platform takes: full state, and those of which no version may be skipped. */
  readonly fullState: readonly string[];
  readonly everyVersion: readonly string[];
  /** Only the records of this resync. */
  readonly resync?: number | undefined;
  /** Members of a period are the versions that were there when it was first sealed: UTC text. Absent: all. */
  readonly createdUntil?: string | undefined;
}

const PAGE = 1000;

/** The reading side of a push: pending versions of one operation in record order, rendered and put into batches; writes nothing. */
export async function* readyBatches(
  operation: Operation,
  context: ReadyBatches,
  place: Place = atTheBegin(),
): AsyncGenerator<Stretch> {
  for (;;) {
    const stretch = await readStretch(operation, place, context);
    yield stretch;
    if (stretch.isLast) return;
  }
}

export const atTheBegin = (): Place => ({ afterId: 0, waiting: new Map() });

/** The next page of pending versions; moves `place` on. */
export async function readStretch(operation: Operation, place: Place, context: ReadyBatches): Promise<Stretch> {
  const { waiting } = place;
  const rows = await readPending(context.db, {
    platform: context.platformName,
    types: context.fullState,
    everyVersion: context.everyVersion,
    operation,
    resync: context.resync,
    afterId: place.afterId,
    limit: PAGE,
    createdUntil: context.createdUntil,
  });
  const isLast = rows.length === 0;
  place.afterId = Number(rows.at(-1)?.id ?? place.afterId);
  const sorted = sort(rows, waiting, context);
  const batches: ReadyBatch[] = [];
  for (const [form, members] of waiting) {
    while (members.length >= (isLast ? 1 : context.batchSize)) {
      batches.push(await toBatch(form, members.splice(0, context.batchSize), context));
    }
  }
  return { batches, ...sorted, isLast };
}

/** Renders pending versions; members join their form's queue. */
function sort(
  rows: readonly PendingRow[],
  waiting: Map<Form, Member[]>,
  context: Render,
): Pick<Stretch, 'tickets' | 'notForPlatform' | 'unconfirmed' | 'faults'> {
  const tickets: Ticket[] = [];
  const faults = new Map<string, number>();
  let notForPlatform = 0;
  let unconfirmed = 0;
  for (const row of rows) {
    const rendered = render(row, context);
    if (rendered.fate === 'not-for-platform') notForPlatform += 1;
    else if (rendered.fate === 'unconfirmed') unconfirmed += 1;
    else if (rendered.fate === 'ticket') {
      tickets.push(rendered.ticket);
      for (const { code } of rendered.ticket.faults.filter(isError)) faults.set(code, (faults.get(code) ?? 0) + 1);
    } else {
      const queue = waiting.get(rendered.form);
      if (queue === undefined) waiting.set(rendered.form, [rendered.member]);
      else queue.push(rendered.member);
    }
  }
  return { tickets, notForPlatform, unconfirmed, faults };
}

async function toBatch(form: Form, members: readonly Member[], context: ReadyBatches): Promise<ReadyBatch> {
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
export async function nilBatch(form: Form, period: string, context: ReadyBatches): Promise<ReadyBatch> {
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
