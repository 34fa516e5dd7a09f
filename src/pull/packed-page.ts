import type { Operation } from '../record.ts';
import type { Ticket } from '../store/quarantine.ts';
import type { PageHead, PreparedPage } from './prepared-pages.ts';
import type { Candidate, Prepared } from './read-row.ts';

/**
 * A prepared page as it crosses to another thread: columns instead of rows, digests side by side in one run of bytes. Cloning a
 * page row by row costs more than keeping it. Raw bytes and fields stay behind; who needs them asks for them by place.
 */
export interface PackedPage {
  readonly page: PageHead;
  readonly tickets: readonly Ticket[];
  readonly twice: boolean;
  readonly sameRows: number;
  readonly sameRefs: Packed;
  readonly sameIds: readonly number[];
  readonly rowNos: Int32Array;
  readonly contents: readonly string[];
  readonly operations: readonly Operation[];
  readonly authorities: readonly string[];
  readonly numbers: readonly (string | undefined)[];
  readonly names: readonly (string | undefined)[];
  readonly creditCodes: readonly (string | undefined)[];
  readonly revised: readonly (string | undefined)[];
  readonly remarks: readonly (string | undefined)[];
  /** 96 bytes each: record key, content digest, raw digest. */
  readonly digests: Uint8Array;
  readonly subjects: Packed;
  /** 1 where the subject is the bureau's row id. */
  readonly referred: Uint8Array;
}

/** Byte strings end to end. */
export interface Packed {
  readonly bytes: Uint8Array;
  readonly ends: Int32Array;
}

const DIGESTS = 96;

export function packPage({ page, prepared }: PreparedPage): PackedPage {
  const { candidates } = prepared;
  const digests = Buffer.allocUnsafeSlow(candidates.length * DIGESTS);
  for (const [index, { identity, digest, rawDigest }] of candidates.entries()) {
    const at = index * DIGESTS;
    identity.key.copy(digests, at);
    digests.write(digest, at + 32, 'hex');
    digests.write(rawDigest, at + 64, 'hex');
  }
  return {
    page,
    tickets: prepared.tickets,
    twice: prepared.twice,
    sameRows: prepared.sameRows,
    sameRefs: packBytes(prepared.sameRefs),
    sameIds: [...prepared.sameIds],
    rowNos: Int32Array.from(candidates, ({ rowNo }) => rowNo),
    contents: candidates.map(({ content }) => content),
    operations: candidates.map(({ operation }) => operation),
    authorities: candidates.map(({ identity }) => identity.authority),
    numbers: candidates.map(({ identity }) => identity.number),
    names: candidates.map(({ identity }) => identity.name),
    creditCodes: candidates.map(({ identity }) => identity.creditCode),
    revised: candidates.map(({ revisedAt }) => revisedAt),
    remarks: candidates.map(({ remarks }) => remarks),
    digests,
    subjects: packBytes(candidates.map(({ subject }) => subject)),
    referred: Uint8Array.from(candidates, ({ sourceRef }) => (sourceRef === undefined ? 0 : 1)),
  };
}

/** `textsOf` asks where the rows are. */
export function unpackPage(packed: PackedPage, textsOf: Prepared['textsOf']): PreparedPage {
  const { page, tickets, twice, sameRows, sameRefs, sameIds } = packed;
  const subjects = unpackBytes(packed.subjects);
  const digests = asBuffer(packed.digests);
  const candidates = packed.contents.map((content, index): Candidate => {
    const at = index * DIGESTS;
    const key = digests.subarray(at, at + 32);
    const subject = subjects[index] ?? NOTHING;
    return {
      rowNo: packed.rowNos[index] ?? 0,
      content,
      rawDigest: digests.toString('hex', at + 64, at + 96),
      identity: {
        key,
        authority: packed.authorities[index] ?? '',
        number: packed.numbers[index],
        name: packed.names[index],
        creditCode: packed.creditCodes[index],
      } as Candidate['identity'],
      keyHex: digests.toString('hex', at, at + 32),
      digest: digests.toString('hex', at + 32, at + 64),
      operation: packed.operations[index] ?? 'UPSERT',
      revisedAt: packed.revised[index],
      subject,
      sourceRef: packed.referred[index] === 1 ? subject : undefined,
      remarks: packed.remarks[index],
    };
  });
  const same = { sameRows, sameRefs: unpackBytes(sameRefs), sameIds: new Set(sameIds), names: NONE, sameNames: NONE };
  return { page, prepared: { candidates, tickets: tickets.map(withBuffers), twice, textsOf, ...same } };
}

const NOTHING = Buffer.alloc(0);
/** Asked for on the near side only. */
const NONE: ReadonlySet<string> = new Set();

const withBuffers = (ticket: Ticket): Ticket => ({ ...ticket, subject: asBuffer(ticket.subject) });

const asBuffer = ({ buffer, byteOffset, length }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, length);

function packBytes(items: readonly Uint8Array[]): Packed {
  const ends = new Int32Array(items.length);
  let end = 0;
  for (const [index, item] of items.entries()) {
    end += item.length;
    ends[index] = end;
  }
  const bytes = new Uint8Array(end);
  for (const [index, item] of items.entries()) bytes.set(item, (ends[index] ?? 0) - item.length);
  return { bytes, ends };
}

function unpackBytes({ bytes, ends }: Packed): Buffer[] {
  const buffer = asBuffer(bytes);
  return Array.from(ends, (end, index) => buffer.subarray(ends[index - 1] ?? 0, end));
}
