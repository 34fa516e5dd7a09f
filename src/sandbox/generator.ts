import type { DirtyCase, Outcome } from './dirt.ts';
import { DIRTY_LICENCES } from './dirty-licences.ts';
import { DIRTY_ENTERPRISES, DIRTY_PENALTIES } from './dirty-others.ts';
import { enterpriseRow } from './holders.ts';
import { licenceRow } from './licences.ts';
import { penaltyRow } from './penalties.ts';
import { randomFrom } from './random.ts';
import { KINDS, type Kind, type Row, type SizeWish, sizeOf, type World } from './world.ts';

/** One record of one desk. `dirty` is absent on a clean one. */
export interface Made {
  readonly kind: Kind;
  /** From 0; the same index always gives the same record. */
  readonly index: number;
  readonly row: Row;
  readonly dirty?: string;
  readonly outcome: Outcome;
}

export const DIRTY_CASES: readonly DirtyCase[] = [...DIRTY_LICENCES, ...DIRTY_PENALTIES, ...DIRTY_ENTERPRISES];

interface GenerateOptions extends SizeWish {
  readonly seed: number | string;
  /** The day as of which all dates are made, `YYYY-MM-DD`. */
  readonly today: string;
  /** Share of dirty records, 0–1, default 0.02; above 0 every case that finds room occurs at least once. */
  readonly dirty?: number;
}

/** Everything that the bureau has on the first day, one record after the other: streams, keeps nothing. */
export function* generate({ seed, today, dirty = 0.02, ...wish }: GenerateOptions): Generator<Made> {
  const world: World = { seed, today, dirty, size: sizeOf(wish) };
  for (const kind of KINDS) {
    for (let index = 0; index < world.size[kind]; index++) yield makeRecord(world, kind, index);
  }
}

/** One record alone. Beyond the size of the world (records that come later) all are clean. */
export function makeRecord(world: World, kind: Kind, index: number): Made {
  const dirt = dirtOf(world, kind, index);
  if (dirt === undefined) return cleanRecord(world, kind, index);
  const row = rowOf(world, kind, index, 'company');
  const random = randomFrom(world.seed, 'dirt', kind, index);
  const before = index > 0 ? cleanRow(world, kind, index - 1) : row;
  return {
    kind,
    index,
    row: { ...row, ...dirt.spoil(row, { world, index, random, before }) },
    dirty: dirt.label,
    outcome: dirt.outcome,
  };
}

/** Whether this row and the one before it are two halves of one case: they were written in the same moment. */
export const hasTwinBefore = (world: World, kind: Kind, index: number): boolean =>
  placedAt(world, kind, index)?.withRowBefore === true;

/** Free of faults itself, though the row behind it may make it one half of a case. */
function cleanRecord(world: World, kind: Kind, index: number): Made {
  const row = rowOf(world, kind, index, 'any');
  const next = placedAt(world, kind, index + 1);
  if (next?.withRowBefore !== true) return { kind, index, row, outcome: 'accepted' };
  return { kind, index, row, dirty: next.label, outcome: next.outcome };
}

/** The record as its bureau would correct it. */
export function cleanRow(world: World, kind: Kind, index: number): Row {
  // Most faults spoil what only a company has.
  return rowOf(world, kind, index, dirtOf(world, kind, index) === undefined ? 'any' : 'company');
}

function rowOf(world: World, kind: Kind, index: number, holder: 'any' | 'company'): Row {
  if (kind === 'penalty') return penaltyRow(world, index, holder);
  if (kind === 'enterprise') return enterpriseRow(world, index);
  return licenceRow(world, kind, index, holder);
}

const CASES: { readonly [kind in Kind]: readonly DirtyCase[] } = {
  broadcast: casesOf('broadcast'),
  publication: casesOf('publication'),
  printing: casesOf('printing'),
  penalty: casesOf('penalty'),
  enterprise: casesOf('enterprise'),
};

function casesOf(kind: Kind): readonly DirtyCase[] {
  return DIRTY_CASES.filter((dirty) => dirty.kinds.includes(kind));
}

const STREWN: { readonly [kind in Kind]: readonly DirtyCase[] } = {
  broadcast: strewable('broadcast'),
  publication: strewable('publication'),
  printing: strewable('printing'),
  penalty: strewable('penalty'),
  enterprise: strewable('enterprise'),
};

function strewable(kind: Kind): readonly DirtyCase[] {
  return casesOf(kind).filter((dirty) => dirty.once !== true);
}

function dirtOf(world: World, kind: Kind, index: number): DirtyCase | undefined {
  if (world.dirty === 0 || index >= world.size[kind]) return undefined;
  const placed = placedAt(world, kind, index);
  if (placed !== undefined) return placed;
  if (placedAt(world, kind, index + 1) !== undefined) return undefined;
  const random = randomFrom(world.seed, 'strew', kind, index);
  const list = STREWN[kind];
  return random.next() < world.dirty ? list[random.int(0, list.length - 1)] : undefined;
}

/** Each case once, spread evenly over the desk's records so that pages and files all have some. */
function placedAt(world: World, kind: Kind, index: number): DirtyCase | undefined {
  const size = world.size[kind];
  if (world.dirty === 0 || index >= size) return undefined;
  const cases = CASES[kind];
  const nth = Math.floor((index * cases.length) / size);
  return index === placeOf(nth, size, cases.length) ? cases[nth] : undefined;
}

/** The middle of the nth of `count` equal stretches. */
const placeOf = (nth: number, size: number, count: number): number => Math.floor(((2 * nth + 1) * size) / (2 * count));
