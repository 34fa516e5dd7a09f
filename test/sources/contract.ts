import { expect, it } from 'vitest';
import type { Cursor, Page, ReadOptions, Source } from '../../src/source.ts';

export interface SourceBundle {
  /** Opens a fresh source on the same bureau, as a restarted process would. */
  open(): Promise<Source>;
  /** Values of the field `no` of every row that the bureau holds, sorted. */
  readonly expected: readonly string[];
  close(): Promise<void>;
}

export const reading = (more: Partial<ReadOptions> = {}): ReadOptions => ({
  signal: new AbortController().signal,
  now: () => new Date(),
  ...more,
});

export async function readAll(source: Source, from?: Cursor, more: Partial<ReadOptions> = {}): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of source.pages(from, reading(more))) pages.push(page);
  return pages;
}

export const numbersOf = (pages: readonly Page[]): string[] =>
  pages.flatMap((page) => page.rows.map((row) => String(row.fields?.['no'])));

export const sorted = (texts: Iterable<string>): string[] => [...new Set(texts)].sort();

/** What every kind of source must do, run over each of them with a bureau of several pages. */
export function sourceContract(make: () => Promise<SourceBundle>): void {
  const using = async (run: (bundle: SourceBundle) => Promise<void>): Promise<void> => {
    const bundle = await make();
    try {
      await run(bundle);
    } finally {
      await bundle.close();
    }
  };
  const withSource = async <T>(bundle: SourceBundle, run: (source: Source) => Promise<T>): Promise<T> => {
    const source = await bundle.open();
    try {
      return await run(source);
    } finally {
      await source.close();
    }
  };

  it('every row comes once, with its raw bytes', () =>
    using(async (bundle) => {
      const pages = await withSource(bundle, (source) => readAll(source));
      expect(pages.length).toBeGreaterThan(2);
      expect(numbersOf(pages).sort()).toEqual(bundle.expected);
      expect(pages.every((page) => page.rows.every((row) => row.raw.length > 0 && row.rowNo > 0))).toBe(true);
      expect(pages.every((page) => /^[0-9a-f]{64}$/.test(page.sha256))).toBe(true);
    }));

  it('a run killed after any page goes on from its cursor and loses no row', () =>
    using(async (bundle) => {
      const whole = await withSource(bundle, (source) => readAll(source));
      for (let killed = 1; killed <= whole.length; killed += 1) {
        const before = whole.slice(0, killed);
        const cursor = JSON.parse(JSON.stringify(before.at(-1)?.cursor)) as Cursor;
        const after = await withSource(bundle, (source) => readAll(source, cursor));
        expect(sorted([...numbersOf(before), ...numbersOf(after)]), `killed after page ${killed}`).toEqual(
          bundle.expected,
        );
      }
    }));

  it('an aborted signal ends the reading', () =>
    using(async (bundle) => {
      const stop = new AbortController();
      await withSource(bundle, async (source) => {
        const read = async (): Promise<void> => {
          for await (const _ of source.pages(undefined, reading({ signal: stop.signal }))) stop.abort();
        };
        await expect(read()).rejects.toThrow(/abort/i);
      });
    }));
}
