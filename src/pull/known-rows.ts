import { sha256 } from '../canonical.ts';
import type { RawRow } from '../source.ts';
import type { Reader } from '../store/database.ts';
import { rawBySourceRef } from '../store/library.ts';
import { type Judge, type Prepared, prepare, refOf } from './read-row.ts';

/** Rows of a page that are byte for byte what made the newest version of their record, under the same rules. */
export interface Known {
  readonly sameRows: number;
  /** Their source references and record ids, and what `Prepared.names` would be of them. */
  readonly sameRefs: readonly Buffer[];
  readonly sameIds: ReadonlySet<number>;
  readonly sameNames: ReadonlySet<string>;
}

export const noneKnown: Known = { sameRows: 0, sameRefs: [], sameIds: new Set(), sameNames: new Set() };

/** Rules (8 bytes) and digest of the raw row (32 bytes): while both stay, the row needs no second look. */
export const rawMark = (rules: Buffer, rawDigest: string): Buffer =>
  Buffer.concat([rules, Buffer.from(rawDigest, 'hex')]);

/** Sets aside the rows that did not change; only the others are mapped and checked. */
export async function prepareChanged(db: Reader, rows: readonly RawRow[], context: Judge): Promise<Prepared & Known> {
  const { job, rules } = context;
  if (job.id === undefined) return { ...prepare(rows, context), ...noneKnown };
  const refs = rows.map((row) =>
    row.fields === undefined || row.faults.length > 0 ? undefined : refOf(row.fields, job),
  );
  const known = await rawBySourceRef(
    db,
    refs.filter((ref) => ref !== undefined),
  );
  const sameRefs: Buffer[] = [];
  const sameIds = new Set<number>();
  const sameNames = new Set<string>();
  const others: RawRow[] = [];
  const digests: string[] = [];
  for (const [index, row] of rows.entries()) {
    const ref = refs[index];
    const name = ref?.toString('latin1') ?? '';
    const before = known.get(name);
    const digest = sha256(row.raw);
    if (ref !== undefined && before?.raw?.equals(rawMark(rules, digest))) {
      sameRefs.push(ref);
      sameIds.add(before.id);
      sameNames.add(name).add(before.keyHex);
    } else {
      others.push(row);
      digests.push(digest);
    }
  }
  return { ...prepare(others, context, digests), sameRows: sameRefs.length, sameRefs, sameIds, sameNames };
}
