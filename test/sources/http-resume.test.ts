import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { Cursor, HttpSourceSpec, Page } from '../../src/source.ts';
import { openSource } from '../../src/sources/index.ts';
import { readAll } from './contract.ts';
import { listen } from './server.ts';

/** The run that was broken off began then. */
const BEFORE = '2026-11-25T01:00:00.000Z';
const NOW = '2026-11-25T02:00:00.000Z';

/** Pages of ten by number or by offset; it always says its total, whether the job asks or not. */
async function read(count: number, spec: Partial<HttpSourceSpec>, run: { readonly [name: string]: unknown }) {
  const server = await listen(
    createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
      const at = Number(searchParams.get('from') ?? (Number(searchParams.get('pageNo') ?? 1) - 1) * 10);
      const rows = Array.from({ length: Math.max(0, Math.min(10, count - at)) }, (_, index) => ({
        no: String(at + index),
        updatedAt: '2026-11-20 08:00:00',
      }));
      response.end(JSON.stringify({ rows, total: count }));
    }),
  );
  onTestFinished(() => server.close());
  const paging = { page: 'pageNo', size: 'size', limit: 10 };
  const source = await openSource(
    { use: 'http', url: `${server.url}/all`, items: 'rows', paging, ...spec },
    { name: 'test' },
  );
  onTestFinished(() => source.close());
  return readAll(source, { run: { started: BEFORE, ...run } } as Cursor, { now: () => new Date(NOW) });
}

const startOf = ([page]: readonly Page[]) => {
  const run = page?.cursor['run'] as { page: number; seen: number; started: string } | undefined;
  return { id: page?.externalId, ...page?.snapshot, page: run?.page, seen: run?.seen, started: run?.started };
};

const anew = { id: 'page-1', before: 0, resumed: false, last: false, page: 1, seen: 10, started: NOW };

test.each<[string, Partial<HttpSourceSpec>, { readonly [name: string]: unknown }]>([
  ['by page: nothing is left at its place', {}, { at: 20, page: 19, seen: 190 }],
  [
    'by offset: nothing is left at its place',
    { paging: { offset: 'from', size: 'size', limit: 10 } },
    { at: 190, page: 19, seen: 190 },
  ],
  ['its total is another now', { total: 'total' }, { at: 3, page: 2, seen: 20, total: 60 }],
  ['its total was not taken down', { total: 'total' }, { at: 3, page: 2, seen: 20 }],
])('a snapshot that was broken off begins anew, with its page numbers and its start: %s', async (_, spec, run) => {
  const pages = await read(50, spec, run);
  expect(startOf(pages)).toMatchObject(anew);
  expect(pages.flatMap(({ rows }) => rows)).toHaveLength(50);
});

test('a snapshot that stands as it was goes on, and keeps its page numbers and its start', async () => {
  const pages = await read(50, { total: 'total' }, { at: 3, page: 2, seen: 20, total: 50 });
  const place = { before: 20, resumed: true, expected: 50, last: false };
  expect(startOf(pages)).toEqual({ id: 'page-3', ...place, page: 3, seen: 30, started: BEFORE });
  expect(pages.map(({ snapshot }) => snapshot?.resumed)).toEqual([true, false, false]);
});

test('changes since a mark know no total and go on where they were broken off', async () => {
  const pages = await read(50, { total: 'total', cursor: { field: 'updatedAt' } }, { at: 3, page: 2, seen: 20 });
  expect(pages.map(({ externalId }) => externalId)).toEqual(['page-3', 'page-4', 'page-5']);
});
