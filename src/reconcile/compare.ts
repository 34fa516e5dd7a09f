import { setImmediate } from 'node:timers/promises';
import type { Group } from './tally.ts';

/** What a comparison came to, before it is kept. */
export interface Comparison {
  readonly missing: number;
  readonly extra: number;
  readonly stale: number;
  /** On their way at that moment, hence not judged. */
  readonly moving: number;
  readonly groups: readonly Group[];
}

/** Merges two streams in key order; each key once per stream. Memory holds one entry of each. */
export async function* mergeByKey<A extends { readonly key: Buffer }, B extends { readonly key: Buffer }>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
): AsyncGenerator<readonly [A | undefined, B | undefined]> {
  const [ours, theirs] = [left[Symbol.asyncIterator](), right[Symbol.asyncIterator]()];
  let [a, b] = [await ours.next(), await theirs.next()];
  while (a.done !== true || b.done !== true) {
    const order = a.done === true ? 1 : b.done === true ? -1 : Buffer.compare(a.value.key, b.value.key);
    yield [order <= 0 && a.done !== true ? a.value : undefined, order >= 0 && b.done !== true ? b.value : undefined];
    if (order <= 0) a = await ours.next();
    if (order >= 0) b = await theirs.next();
  }
}

/** Rows page by page, each page behind the last row of the one before. */
export async function* paged<Row, At>(
  first: At,
  read: (after: At) => Promise<readonly Row[]>,
  at: (row: Row) => At,
): AsyncGenerator<Row> {
  let after = first;
  for (;;) {
    const rows = await read(after);
    await setImmediate();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = at(last);
  }
}

/** Rows in handfuls, for writing; between two of them the thread does what else is due (leases, alarms). */
export async function* handfuls<Row>(rows: AsyncIterable<Row>, size: number): AsyncGenerator<Row[]> {
  let held: Row[] = [];
  for await (const row of rows) {
    held.push(row);
    if (held.length < size) continue;
    yield held;
    held = [];
    await setImmediate();
  }
  if (held.length > 0) yield held;
}
