import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { HttpSourceSpec } from '../../src/source.ts';
import { openSource } from '../../src/sources/index.ts';
import { nextLink } from '../../src/sources/paging.ts';
import { numbersOf, readAll, type SourceBundle, sorted, sourceContract } from './contract.ts';
import { type Listening, listen } from './server.ts';

interface BureauRow {
  readonly no: string;
  readonly updatedAt: string;
}

const rows: readonly BureauRow[] = Array.from({ length: 23 }, (_, index) => ({
  no: `00${index + 10}`,
  updatedAt: `2026-11-${String(((index * 7) % 20) + 1).padStart(2, '0')} 08:00:00`,
}));

const expected = rows.map((row) => row.no).sort();

/** A bureau that knows all four pagings, in JSON and XML, and filters by `since`. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const ask = (name: string) => url.searchParams.get(name);
  const wanted = rows.filter((row) => row.updatedAt >= (ask('since') ?? ''));
  const limit = Math.min(5, Number(ask('size') ?? 5));
  const start = Number(ask('offset') ?? ask('mark') ?? (Number(ask('pageNo') ?? 1) - 1) * limit);
  const some = ask('all') === null ? wanted.slice(start, start + limit) : wanted;
  const next = start + limit < wanted.length ? String(start + limit) : null;
  if (url.pathname === '/xml') {
    response.setHeader('content-type', 'text/xml; charset=utf-8');
    const body = some.map((row) => `<row><no>${row.no}</no><updatedAt>${row.updatedAt}</updatedAt></row>`).join('');
    response.end(`<?xml version="1.0" encoding="UTF-8"?><r><total>${wanted.length}</total><rows>${body}</rows></r>`);
    return;
  }
  if (next !== null) response.setHeader('Link', `</list?offset=${next}>; rel="next", </list>; rel="first"`);
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({
      data: { rows: some, total: wanted.length, next, url: next === null ? null : `/list?offset=${next}` },
    }),
  );
}

async function bundle(spec: Partial<HttpSourceSpec>, path = '/list'): Promise<SourceBundle> {
  const server = await listen(createServer(answer));
  const whole: HttpSourceSpec = { use: 'http', url: server.url + path, items: 'data.rows', ...spec };
  return { open: () => openSource(whole, { name: 'test' }), expected, close: () => server.close() };
}

const cursor = { field: 'updatedAt', overlap: '10m' };

describe('HTTP, by page number with a total', () => {
  sourceContract(() => bundle({ paging: { page: 'pageNo', size: 'size', limit: 5 }, total: 'data.total', cursor }));
});
describe('HTTP, by page number without a total, with a bureau that caps the page size', () => {
  sourceContract(() => bundle({ paging: { page: 'pageNo', size: 'size', limit: 5 } }));
});
describe('HTTP, by offset, capped below the limit asked for', () => {
  sourceContract(() => bundle({ paging: { offset: 'offset', size: 'size', limit: 100 }, cursor }));
});
describe('HTTP, by opaque cursor', () => {
  sourceContract(() => bundle({ paging: { cursor: 'mark', next: 'data.next' }, cursor }));
});
describe('HTTP, by next link in the body', () => {
  sourceContract(() => bundle({ paging: { next: 'data.url' } }));
});
describe('HTTP, by Link header', () => {
  sourceContract(() => bundle({ paging: { next: 'Link' } }));
});
describe('HTTP, in XML', () => {
  sourceContract(() =>
    bundle(
      {
        format: 'xml',
        items: 'rows.row',
        total: 'r.total',
        paging: { page: 'pageNo', size: 'size', limit: 5 },
        cursor,
      },
      '/xml',
    ),
  );
});

async function refusal(reply: (response: ServerResponse) => void, spec: Partial<HttpSourceSpec> = {}) {
  const server = await listen(createServer((_, response) => reply(response)));
  const source = await openSource({ use: 'http', url: `${server.url}/list?secret=CANARY`, ...spec }, { name: 'test' });
  try {
    const error: unknown = await readAll(source).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).not.toContain('CANARY');
    return error;
  } finally {
    await source.close();
    await server.close();
  }
}

describe('an HTTP bureau', () => {
  it('is asked for changes since the highest value seen, less the overlap, in its own form', async () => {
    const asked: (string | undefined)[] = [];
    const server = await listen(
      createServer((request, response) => {
        asked.push(request.url);
        answer(request, response);
      }),
    );
    const spec: HttpSourceSpec = { use: 'http', url: `${server.url}/list?all=1`, items: 'data.rows', cursor };
    const source = await openSource(spec, { name: 'test' });
    const first = await readAll(source);
    const again = await readAll(source, first.at(-1)?.cursor);
    expect(new URL(asked.at(-1) ?? '', server.url).searchParams.get('since')).toBe('2026-11-20 07:50:00');
    expect(numbersOf(again)).toEqual(rows.filter((row) => row.updatedAt >= '2026-11-20').map((row) => row.no));
    const manual = await readAll(source, undefined, { since: '2026-11-03', until: '2026-11-04' });
    expect(sorted(numbersOf(manual))).toEqual(
      rows
        .filter((row) => /-0[34] /.test(row.updatedAt))
        .map((row) => row.no)
        .sort(),
    );
    await source.close();
    await server.close();
  });

  it('that writes 2099 or 待定 where a time belongs still has its next changes read', async () => {
    const asked: (string | null)[] = [];
    const times = ['待定', '2026-11-20 08:00:00', '2099-01-01 00:00:00', '2026-11-19 08:00:00'];
    const server = await listen(
      createServer((request, response) => {
        asked.push(new URL(request.url ?? '', 'http://127.0.0.1').searchParams.get('since'));
        response.end(JSON.stringify(times.map((updatedAt, no) => ({ no, updatedAt }))));
      }),
    );
    const source = await openSource({ use: 'http', url: server.url, cursor }, { name: 'test' });
    const now = () => new Date('2026-11-25T00:00:00Z');
    const pages = await readAll(source, undefined, { now });
    await readAll(source, pages.at(-1)?.cursor, { now });
    await readAll(source, { high: '2099-01-01 00:00:00' }, { now });
    expect(asked).toEqual([null, '2026-11-20 07:50:00', null]);
    await source.close();
    await server.close();
  });

  it.each([
    [
      'a login page with status 200',
      'SOURCE_NOT_DATA',
      (r: ServerResponse) => r.setHeader('content-type', 'text/html').end('<html>login'),
    ],
    [
      'a login page said to be JSON',
      'SOURCE_NOT_DATA',
      (r: ServerResponse) => r.setHeader('content-type', 'application/json').end('\n<!DOCTYPE html>'),
    ],
    ['an error document', 'SOURCE_NOT_DATA', (r: ServerResponse) => r.end('{"code":"500","msg":"token expired"}')],
    ['half a document', 'SOURCE_PAGE_DAMAGED', (r: ServerResponse) => r.end('[{"a":1},{"a"')],
    ['another charset', 'SOURCE_PAGE_DAMAGED', (r: ServerResponse) => r.end(Buffer.from([0x5b, 0xc4, 0xe3, 0x5d]))],
    ['an empty answer', 'SOURCE_NOT_DATA', (r: ServerResponse) => r.end()],
    ['401', 'SOURCE_REFUSED', (r: ServerResponse) => r.writeHead(401).end()],
    ['404', 'SOURCE_NOT_FOUND', (r: ServerResponse) => r.writeHead(404).end()],
    ['503', 'SOURCE_UNAVAILABLE', (r: ServerResponse) => r.writeHead(503).end()],
    ['a redirect', 'SOURCE_REDIRECTED', (r: ServerResponse) => r.writeHead(302, { location: '/login' }).end()],
  ])('%s refuses the page whole: %s', async (_, code, reply) => {
    expect(await refusal((response) => void reply(response))).toMatchObject({
      code,
      fix: expect.stringMatching(/\p{Script=Han}/u),
    });
  });

  it('an XML answer with a DOCTYPE is refused, and leading zeros stay (T12, S30)', async () => {
    const bomb = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><row><no>&a;</no></row></r>';
    expect(await refusal((response) => void response.end(bomb), { format: 'xml' })).toMatchObject({
      code: 'SOURCE_PAGE_DAMAGED',
    });
  });

  it('the same page for ever is noticed', async () => {
    const page = JSON.stringify(Array.from({ length: 5 }, (_, index) => ({ no: index })));
    const paging = { page: 'p', size: 's', limit: 5 };
    expect(await refusal((response) => void response.end(page), { paging })).toMatchObject({ code: 'SOURCE_LOOPING' });
  });

  it('a next page on another host is not asked', async () => {
    const reply = '{"rows":[{"no":1}],"next":"http://127.0.0.1:9/steal"}';
    const error = await refusal((response) => void response.end(reply), { items: 'rows', paging: { next: 'next' } });
    expect(error).toMatchObject({ code: 'SOURCE_NEXT_FOREIGN' });
  });

  it('fewer rows than promised is told', async () => {
    const error = await refusal((response) => void response.end('{"rows":[],"total":7}'), {
      items: 'rows',
      total: 'total',
      paging: { page: 'p', limit: 5 },
    });
    expect(error).toMatchObject({ code: 'SOURCE_INCOMPLETE', remedy: 'retry' });
  });

  it('a bad row is a value, its neighbours are whole', async () => {
    const server = await listen(
      createServer((_, response) =>
        response.end('[{"no":"1"},{"no":"2","no":"3"},{"no":00004}]'.replace('00004', '4.10')),
      ),
    );
    const source = await openSource({ use: 'http', url: server.url }, { name: 'test' });
    const [page] = await readAll(source);
    expect(page?.rows.map((row) => row.fields?.['no'] ?? row.faults[0]?.code)).toEqual([
      '1',
      'ROW_KEY_REPEATED',
      '4.10',
    ]);
    expect(Buffer.from(page?.rows[1]?.raw ?? '').toString()).toBe('{"no":"2","no":"3"}');
    expect(page?.snapshot).toEqual({ before: 0, resumed: false, last: true });
    await source.close();
    await server.close();
  });

  it('a bureau that cannot be reached is tried again only before a byte was sent', async () => {
    const server: Listening = await listen(createServer());
    await server.close();
    const source = await openSource({ use: 'http', url: server.url }, { name: 'test' });
    await expect(readAll(source)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE', remedy: 'retry' });
    await source.close();
  });
});

describe('a Link header', () => {
  it('is read after RFC 8288', () => {
    expect(nextLink('<https://a/?p=2>; rel="prev next"; title="x, y"')).toBe('https://a/?p=2');
    expect(nextLink('<a>; rel=last, <b?x=1,2>; rel=next')).toBe('b?x=1,2');
    expect(nextLink('<a>; rel="last"')).toBeUndefined();
    expect(nextLink(undefined)).toBeUndefined();
  });
});
