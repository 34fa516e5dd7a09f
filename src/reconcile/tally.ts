import { createHash, type Hash } from 'node:crypto';

/** Records of one type and period on both sides: their number, and a digest of keys, versions and contents in key order. */
export interface Group {
  readonly type: string;
  /** The period or, outside of one, the ISO week in which it was sealed; null: unknown to the library. */
  readonly period: string | null;
  readonly ours: Side;
  readonly theirs: Side;
}

interface Side {
  readonly records: number;
  /** Lower-case hex SHA-256 over the lines `key version payloadHash\n`. */
  readonly digest: string;
}

interface Line {
  readonly key: string;
  readonly version: number;
  readonly payloadHash: string | undefined;
}

export interface Tally {
  /** Adds a record that is shown, in key order; absent where that side does not show it. */
  add(
    group: { readonly type: string; readonly period: string | null },
    ours: Line | undefined,
    theirs: Line | undefined,
  ): void;
  groups(): Group[];
}

/** Memory grows with the number of types and periods, not of records. */
export function openTally(): Tally {
  const sums = new Map<string, { readonly ours: Sum; readonly theirs: Sum }>();
  const names = new Map<string, { readonly type: string; readonly period: string | null }>();
  return {
    add(group, ours, theirs) {
      const name = `${group.type} ${group.period}`;
      const sum = sums.get(name) ?? { ours: newSum(), theirs: newSum() };
      sums.set(name, sum);
      names.set(name, group);
      if (ours !== undefined) count(sum.ours, ours);
      if (theirs !== undefined) count(sum.theirs, theirs);
    },
    groups: () =>
      [...names]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, group]) => {
          const sum = sums.get(name);
          return sum === undefined ? [] : { ...group, ours: sideOf(sum.ours), theirs: sideOf(sum.theirs) };
        }),
  };
}

interface Sum {
  records: number;
  readonly hash: Hash;
}

const newSum = (): Sum => ({ records: 0, hash: createHash('sha256') });

function count(sum: Sum, { key, version, payloadHash }: Line): void {
  sum.records += 1;
  sum.hash.update(`${key} ${version} ${payloadHash ?? ''}\n`);
}

const sideOf = ({ records, hash }: Sum): Side => ({ records, digest: hash.copy().digest('hex') });
