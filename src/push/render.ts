import { canonicalJson } from '../canonical.ts';
import { idemKey } from '../delivery/delivery-key.ts';
import { payloadHash } from '../delivery/outgoing-body.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import { type Fault, fault, isError } from '../fault.ts';
import type { Operation, UnifiedRecord } from '../record.ts';
import { type Form, releasable } from '../schema/outbound.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { PendingRow } from '../store/pending.ts';
import type { Ticket } from '../store/quarantine.ts';
import { platformSubject } from './reject.ts';

/** What mapping pending versions to a platform's layout needs. */
export interface Render {
  readonly hubId: string;
  readonly platformName: string;
  readonly sender: { readonly code: string; readonly name: string };
  readonly types: ReadonlyMap<string, UnifiedType>;
  /** How this platform wants its batches written. */
  readonly wire: WireForm;
  /** Forms to be tried in order, per record type. */
  readonly formsOf: (type: string) => readonly Form[];
  readonly divisionOf: (job: string) => string;
  /** Fault codes that a person let pass, by `${record id}/${version}`. */
  readonly releases: ReadonlyMap<string, ReadonlySet<string>>;
  /** Has the division said yes to these records for this period? Absent: nobody has to. */
  readonly confirmed?: ((type: string, division: string) => boolean) | undefined;
}

/** One record of a batch, as it will stand in the body. */
export interface Member {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly idemKey: string;
  readonly recordKey: string;
  /** Lower-case hex SHA-256 of `data`. */
  readonly payloadHash: string;
  /** Canonical JSON of the outbound record. */
  readonly data: string;
}

/** How one pending version stands: in a batch, or why not. */
export type Rendered =
  | { readonly fate: 'member'; readonly form: Form; readonly member: Member }
  /** No form of this platform takes such a record (natural persons at credit-publicity). */
  | { readonly fate: 'not-for-platform' }
  /** Sound, but its division has not confirmed it for this period. */
  | { readonly fate: 'unconfirmed' }
  | { readonly fate: 'ticket'; readonly ticket: Ticket };

/** Maps a pending version to the platform's layout and checks it; pure. */
export function render(row: PendingRow, context: Render): Rendered {
  const kept: UnifiedRecord = JSON.parse(row.body);
  const record = row.revisedAt === null ? kept : { ...kept, revisedAt: row.revisedAt };
  const form = context.formsOf(row.type).find((candidate) => candidate.takes(record));
  if (form === undefined) return { fate: 'not-for-platform' };
  const release = row.operation === 'WITHDRAW' ? NO_FAULTS : releasable(record).faults;
  const personal = context.types.get(row.type)?.personalData(record) ?? NO_FAULTS;
  const recordKey = row.key.toString('hex');
  const { data, faults } = form.render(record, { recordKey, operation: row.operation });
  const wrong = [...release, ...personal, ...faults].filter(isError);
  const json = canonicalJson(data);
  const held = wrong.length === 0 ? wrong : unreleased(row, wrong, context);
  // No release helps where the platform's form has no way to write the record down.
  const unwritable = context.wire.carries?.(json) === false ? [UNWRITABLE] : NO_FAULTS;
  if (held.length + unwritable.length > 0) {
    return { fate: 'ticket', ticket: outboundTicket(row, [...held, ...unwritable], context) };
  }
  if (waitsForYes(row, context)) return { fate: 'unconfirmed' };
  return { fate: 'member', form, member: toMember(row, recordKey, json, context) };
}

/** Withdrawals are owed at once and wait for nobody. */
const waitsForYes = ({ operation, type, job }: PendingRow, { confirmed, divisionOf }: Render): boolean =>
  confirmed !== undefined && operation === 'UPSERT' && !confirmed(type, divisionOf(job));

const NO_FAULTS: readonly Fault[] = [];

const UNWRITABLE: Fault = fault(
  'error',
  'OUTBOUND_TEXT_UNWRITABLE',
  '含有平台报文无法表示的控制字符，请业务系统删去不可见字符后重报',
  "holds a control character that the platform's form cannot carry; remove the invisible characters at the bureau",
);

function unreleased({ id, version }: PendingRow, wrong: readonly Fault[], { releases }: Render): readonly Fault[] {
  const released = releases.get(`${id}/${version}`);
  return released === undefined ? wrong : wrong.filter(({ code }) => !released.has(code));
}

function toMember(row: PendingRow, recordKey: string, data: string, { hubId, platformName }: Render): Member {
  const { rendition } = row;
  return {
    recordId: Number(row.id),
    version: row.version,
    rendition,
    operation: row.operation,
    idemKey: idemKey({ hubId, platform: platformName, recordKeyHex: recordKey, version: row.version, rendition }),
    recordKey,
    payloadHash: payloadHash(data),
    data,
  };
}

const outboundTicket = (row: PendingRow, faults: readonly Fault[], { platformName, divisionOf }: Render): Ticket => ({
  stage: 'outbound',
  subject: platformSubject(platformName, Number(row.id)),
  job: row.job,
  division: divisionOf(row.job),
  type: row.type,
  platform: platformName,
  recordId: Number(row.id),
  version: row.version,
  number: row.number ?? undefined,
  name: row.name ?? undefined,
  faults,
});
