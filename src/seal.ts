import { canonicalJson, sha256Bytes } from './canonical.ts';
import { BODY_TYPE } from './deliver.ts';
import { batchId, idemKey } from './delivery-key.ts';
import { failpoint } from './failpoint.ts';
import { type Fault, isError } from './fault.ts';
import { manifestRoot } from './manifest.ts';
import { type Form, releasable } from './outbound.ts';
import { type BodyRecord, buildBody, payloadHash } from './outgoing-body.ts';
import type { OutgoingBatch } from './platform.ts';
import type { UnifiedRecord } from './record.ts';
import { platformSubject } from './reject.ts';
import type { UnifiedType } from './schema.ts';
import { type Db, inTransaction } from './store/database.ts';
import { appendLog } from './store/log.ts';
import { type BatchRow, packBody, type PendingRow, sealBatch, type SealedMember } from './store/outbox.ts';
import { mend, quarantine, type Ticket } from './store/quarantine.ts';

/** What turning pending versions into sealed batches needs. */
export interface Seal {
  readonly db: Db;
  readonly hubId: string;
  readonly platformName: string;
  readonly sender: { readonly code: string; readonly name: string };
  readonly types: ReadonlyMap<string, UnifiedType>;
  /** Forms to be tried in order, per record type. */
  readonly formsOf: (type: string) => readonly Form[];
  readonly divisionOf: (job: string) => string;
  /** Fault codes that a person let pass for this version. */
  readonly released: (recordId: number, version: number) => ReadonlySet<string>;
  /** False lets the hot path skip looking for tickets to close. */
  readonly ticketsOpen: () => boolean;
  readonly today: string;
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
}

/** How one pending version stands: in a batch, or why not. */
export type Rendered =
  | { readonly fate: 'member'; readonly form: Form; readonly member: Member }
  /** No form of this platform takes such a record (natural persons at credit-publicity). */
  | { readonly fate: 'not-for-platform' }
  | { readonly fate: 'ticket'; readonly ticket: Ticket };

export interface Member extends SealedMember {
  readonly body: BodyRecord;
}

/** Maps a pending version to the platform's layout and checks it; pure but for the releases. */
export function render(row: PendingRow, context: Seal): Rendered {
  const kept: UnifiedRecord = JSON.parse(row.body);
  const record = row.revisedAt === null ? kept : { ...kept, revisedAt: row.revisedAt };
  const form = context.formsOf(row.type).find((candidate) => candidate.takes(record));
  if (form === undefined) return { fate: 'not-for-platform' };
  const withdrawal = row.operation === 'WITHDRAW';
  const release = withdrawal ? [] : releasable(record).faults;
  const recordKey = row.key.toString('hex');
  const { data, faults } = form.render(record, { recordKey, operation: row.operation });
  const letPass = context.released(Number(row.id), row.version);
  const wrong = [...release, ...personalData(row, record, context), ...faults].filter(
    (fault) => isError(fault) && !letPass.has(fault.code),
  );
  if (wrong.length > 0) return { fate: 'ticket', ticket: outboundTicket(row, wrong, context) };
  return { fate: 'member', form, member: toMember(row, recordKey, canonicalJson(data), context) };
}

const personalData = (row: PendingRow, record: UnifiedRecord, context: Seal): readonly Fault[] =>
  context.types.get(row.type)?.personalData(record) ?? [];

function toMember(row: PendingRow, recordKey: string, data: string, { hubId, platformName }: Seal): Member {
  const rendition = 1;
  const key = idemKey({ hubId, platform: platformName, recordKeyHex: recordKey, version: row.version, rendition });
  const hash = payloadHash(data);
  const op = row.operation === 'WITHDRAW' ? 'D' : 'U';
  return {
    recordId: Number(row.id),
    version: row.version,
    rendition,
    operation: row.operation,
    idemKey: key,
    payloadDigest: Buffer.from(hash, 'hex'),
    body: { rowId: key, recordKey, dataVersion: row.version, op, payloadHash: hash, data },
  };
}

const outboundTicket = (row: PendingRow, faults: readonly Fault[], context: Seal): Ticket => ({
  stage: 'outbound',
  subject: platformSubject(context.platformName, Number(row.id)),
  job: row.job,
  division: context.divisionOf(row.job),
  type: row.type,
  platform: context.platformName,
  recordId: Number(row.id),
  version: row.version,
  number: row.number ?? undefined,
  name: row.name ?? undefined,
  faults,
});

/** Freezes members as one batch: exact bytes, deliveries, log entry, one transaction. */
export async function seal(form: Form, members: readonly Member[], context: Seal): Promise<{ row: BatchRow; outgoing: OutgoingBatch }> {
  const { platformName: platform, sender, runId, epoch, actor, now } = context;
  const idemKeys = members.map((member) => member.idemKey);
  const id = batchId(platform, idemKeys);
  const header = { packageId: id, dataClass: form.dataClass, layoutVersion: form.layout, sender };
  const body = buildBody(header, members.map((member) => member.body));
  const packed = await packBody(body);
  const bodyDigest = sha256Bytes(body);
  const root = manifestRoot(members.map(({ payloadDigest }) => payloadDigest));
  const row = await inTransaction(context.db, async (tx) => {
    const batch = { id, platform, form: form.name, runId, epoch, body, bodyDigest, manifestRoot: root, members };
    const sealed = await sealBatch(tx, batch, packed, now());
    if (context.ticketsOpen()) await mend(tx, members.map((member) => platformSubject(platform, member.recordId)), now());
    const detail = { form: form.name, members: members.length, bodyDigest: sealed.bodyDigest, manifestRoot: root.toString('hex'), epoch };
    await appendLog(tx, now(), [{ actor, action: 'batch.sealed', platform, batchId: id, runId, detail }]);
    return sealed;
  });
  failpoint('S2-sealed');
  const outgoing = { batchId: id, body, bodyDigest: row.bodyDigest, contentType: BODY_TYPE, idemKeys };
  return { row, outgoing };
}

export const openTickets = async (tickets: readonly Ticket[], context: Seal): Promise<void> => {
  if (tickets.length > 0) await inTransaction(context.db, (tx) => quarantine(tx, tickets, context.now()));
};
