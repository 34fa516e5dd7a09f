import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import type { Ticket } from '../store/quarantine.ts';
import type { RenderedPage } from './pending-page.ts';
import type { Member } from './render.ts';

/** A rendered page as it crosses to another thread: columns instead of members, texts end to end. Cloning members one by one costs more than rendering them. */
export interface PackedPage extends Omit<RenderedPage, 'members'> {
  readonly members: readonly PackedMembers[];
}

interface PackedMembers {
  /** Name of the form. */
  readonly form: string;
  readonly recordIds: Float64Array;
  readonly versions: Int32Array;
  readonly renditions: Int32Array;
  readonly operations: readonly Operation[];
  readonly idemKeys: string;
  readonly recordKeys: string;
  readonly payloadHashes: string;
  readonly data: string;
  readonly dataEnds: Int32Array;
}

/** Characters of an idem key (delivery.md §1.3), and of 32 bytes in hex. */
const KEY = 40;
const HEX = 64;

export const packPage = ({ members, ...page }: RenderedPage): PackedPage => ({
  ...page,
  members: [...members].map(([{ name }, found]) => packMembers(name, found)),
});

function packMembers(form: string, members: readonly Member[]): PackedMembers {
  let end = 0;
  return {
    form,
    recordIds: Float64Array.from(members, ({ recordId }) => recordId),
    versions: Int32Array.from(members, ({ version }) => version),
    renditions: Int32Array.from(members, ({ rendition }) => rendition),
    operations: members.map(({ operation }) => operation),
    idemKeys: members.map(({ idemKey }) => idemKey).join(''),
    recordKeys: members.map(({ recordKey }) => recordKey).join(''),
    payloadHashes: members.map(({ payloadHash }) => payloadHash).join(''),
    data: members.map(({ data }) => data).join(''),
    dataEnds: Int32Array.from(members, ({ data }) => {
      end += data.length;
      return end;
    }),
  };
}

/** `forms`: by name. */
export const unpackPage = (
  { members, tickets, ...page }: PackedPage,
  forms: ReadonlyMap<string, Form>,
): RenderedPage => ({
  ...page,
  tickets: tickets.map(withBuffer),
  members: new Map(members.map((packed) => [formNamed(packed.form, forms), unpackMembers(packed)])),
});

function formNamed(name: string, forms: ReadonlyMap<string, Form>): Form {
  const form = forms.get(name);
  if (form === undefined) throw new Error(`there is no form ${name}`);
  return form;
}

/** Cloned, a Buffer is plain bytes. */
const withBuffer = (ticket: Ticket): Ticket => ({ ...ticket, subject: Buffer.from(ticket.subject) });

function unpackMembers(packed: PackedMembers): Member[] {
  const { recordIds, versions, renditions, operations, idemKeys, recordKeys, payloadHashes, data, dataEnds } = packed;
  return operations.map((operation, index) => ({
    recordId: recordIds[index] ?? 0,
    version: versions[index] ?? 0,
    rendition: renditions[index] ?? 0,
    operation,
    idemKey: idemKeys.slice(index * KEY, (index + 1) * KEY),
    recordKey: recordKeys.slice(index * HEX, (index + 1) * HEX),
    payloadHash: payloadHashes.slice(index * HEX, (index + 1) * HEX),
    data: data.slice(dataEnds[index - 1] ?? 0, dataEnds[index]),
  }));
}
