import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Books } from './books.ts';
import type { BureauApi } from './bureau-api.ts';
import { type Loopback, listen, readBody, sendJson } from './loopback.ts';
import type { PlatformServer } from './platform-server.ts';
import { readScript } from './script.ts';
import { KINDS } from './world.ts';

interface Controlled {
  readonly books: Books;
  readonly bureaus: { readonly [name: string]: BureauApi };
  readonly platforms: { readonly [name: string]: PlatformServer };
  readonly env: { readonly [name: string]: string };
  advance(days: number): Promise<unknown>;
  mend(): Promise<unknown>;
}

/** What one request to the control API asks for. */
interface Ask {
  readonly controlled: Controlled;
  readonly url: URL;
  /** The part of the path that names a platform or bureau. */
  readonly name: string;
  readonly body: unknown;
}

type Route = (ask: Ask) => unknown;

/** Method and path → what it does; `:name` stands for a platform or bureau (docs/sandbox.md). */
const ROUTES: { readonly [route: string]: Route } = {
  'GET /state': ({ controlled }) => state(controlled),
  'GET /expectations': ({ controlled }) => [...controlled.books.expectations()],
  'POST /bureaus/advance': ({ controlled, body }) => controlled.advance(daysIn(body)),
  'POST /bureaus/mend': ({ controlled }) => controlled.mend(),
  'POST /bureaus/:name/script': ({ controlled, name, body }) => {
    const script = readScript(body);
    known(controlled.bureaus, name).script(script);
    return script;
  },
  'GET /platforms/:name/held': ({ controlled, name, url }) => {
    const rows = known(controlled.platforms, name).books.held(pageIn(url));
    return { rows, next: rows.at(-1)?.recordKey ?? null };
  },
  'GET /platforms/:name/effects': ({ controlled, name, url }) => {
    const rows = known(controlled.platforms, name).books.effects(pageIn(url));
    return { rows, next: rows.at(-1)?.rowId ?? null };
  },
  'GET /platforms/:name/requests': ({ controlled, name, url }) => {
    const { after, limit } = pageIn(url);
    const rows = known(controlled.platforms, name).books.requests({ after: Number(after) || 0, limit });
    return { rows, next: rows.at(-1)?.n ?? null };
  },
  'POST /platforms/:name/notices': ({ controlled, name, body }) => {
    if (body === undefined) throw new Error('请给出一条通知 (give a notice)');
    return { n: known(controlled.platforms, name).books.addNotice(body) };
  },
  'GET /platforms/:name/script': ({ controlled, name }) => known(controlled.platforms, name).script(),
  'POST /platforms/:name/script': ({ controlled, name, body }) => {
    const script = readScript(body);
    known(controlled.platforms, name).setScript(script);
    return script;
  },
};

/** The strings by which a person or a test drives the sandbox. Loopback only, no login: it holds made-up data. */
export const openControl = (port: number, controlled: Controlled): Promise<Loopback> =>
  listen(port, async (request, response, url) => {
    const found = routeOf(request.method ?? '', url.pathname);
    if (found === undefined)
      return sendJson(response, 404, { error: '没有这个接口 (no such address)', routes: Object.keys(ROUTES) });
    await answer(request, response, (body) => found.route({ controlled, url, name: found.name, body }));
  });

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  act: (body: unknown) => unknown,
): Promise<void> {
  try {
    const body = (await readBody(request)).toString();
    sendJson(response, 200, await act(body === '' ? undefined : JSON.parse(body)));
  } catch (error) {
    sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) });
  }
}

function routeOf(method: string, path: string): { readonly route: Route; readonly name: string } | undefined {
  const exact = ROUTES[`${method} ${path}`];
  if (exact !== undefined) return { route: exact, name: '' };
  const [, area, name = '', what] = path.split('/');
  const named = ROUTES[`${method} /${area}/:name/${what}`];
  return named && { route: named, name: decodeURIComponent(name) };
}

function state({ books, platforms, env }: Controlled): unknown {
  const counts = Object.entries(platforms).map(([name, { books: kept, script }]) => [
    name,
    { ...kept.counts(), script: script() },
  ]);
  return {
    firstDay: books.world.today,
    today: books.today(),
    seed: books.world.seed,
    bureaus: Object.fromEntries(KINDS.map((kind) => [kind, books.count(kind)])),
    platforms: Object.fromEntries(counts),
    env,
  };
}

function known<T>(table: { readonly [name: string]: T }, name: string): T {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found === undefined)
    throw new Error(`没有 ${name}，现有 ${Object.keys(table).join('、')} (no such name; known are these)`);
  return found;
}

function daysIn(body: unknown): number {
  const days = typeof body === 'object' && body !== null && 'days' in body ? body.days : undefined;
  if (typeof days === 'number' && Number.isInteger(days) && days >= 1 && days <= 3660) return days;
  throw new Error('请给出 {"days": 1 至 3660 的整数} (give {"days": a whole number from 1 to 3660})');
}

const pageIn = (url: URL): { readonly after: string; readonly limit: number } => ({
  after: url.searchParams.get('after') ?? '',
  limit: Math.min(10_000, Math.max(1, Number(url.searchParams.get('limit')) || 1000)),
});
