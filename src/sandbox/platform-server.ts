import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { type Lock, listen, opens, readBody, sendBytes, sendJson } from './loopback.ts';
import { type Batch, digestOf, isRefusal, readBatch, sorted } from './platform-batch.ts';
import { openPlatformBooks, type PlatformBooks, type Taken } from './platform-books.ts';
import { ACCEPT, matches, nextStep, type Script, type Step } from './script.ts';

/** A receiving platform that keeps the wire contract of docs/platform-http.md, unless its script says otherwise. */
export interface PlatformServer {
  readonly name: string;
  readonly url: string;
  readonly books: PlatformBooks;
  script(): Script;
  setScript(script: Script): void;
  close(): Promise<void>;
}

interface PlatformOptions {
  readonly name: string;
  /** SQLite file that it remembers in. */
  readonly file: string;
  readonly port: number;
  readonly lock: Lock;
  /** `async`: 202, the results by query only. */
  readonly receipts: 'sync' | 'async';
  /** Queries that still say `processing`, default 1. */
  readonly processingFor?: number;
  /** Absent: the script that the file remembers goes on, else everything is accepted. */
  readonly script?: Script;
}

export async function openPlatform(options: PlatformOptions): Promise<PlatformServer> {
  const { name, file, port, lock } = options;
  const books = openPlatformBooks(file, name);
  if (options.script !== undefined) books.setScript(options.script);
  const script = (): Script => books.script() ?? ACCEPT;
  const server = await listen(port, async (request, response, url) => {
    const body = await readBody(request);
    const n = books.seen({
      method: request.method ?? '',
      path: url.pathname,
      idempotencyKey: request.headers['idempotency-key']?.toString() ?? null,
      bytes: body.length,
      bodyDigest: digestOf(body),
    });
    const isSubmit = request.method === 'POST' && url.pathname === '/batches';
    const before = script();
    const { step, rest } = nextStep(before, isSubmit ? 'submit' : 'query');
    if (rest !== before) books.setScript(rest);
    const exchange: Exchange = {
      options,
      books,
      step,
      request,
      response,
      answered: (status) => books.answered(n, step.answer, status),
    };
    if (await interfere(exchange)) return;
    if (!opens(lock, request)) return say(exchange, 401, { resultCode: 'UNAUTHORISED' });
    if (isSubmit) return submit(exchange, body);
    if (request.method === 'GET' && url.pathname === '/holdings') return holdings(exchange, url.searchParams);
    if (request.method === 'GET' && url.pathname === '/notices') return notices(exchange, url.searchParams);
    const packageId = /^\/batches\/([^/]+)$/.exec(url.pathname)?.[1];
    if (request.method === 'GET' && packageId !== undefined) return query(exchange, decodeURIComponent(packageId));
    return say(exchange, 404, { resultCode: 'NO_SUCH_ADDRESS' });
  });
  return {
    name,
    url: server.url,
    books,
    script,
    setScript: (next) => books.setScript(next),
    close: async () => {
      await server.close();
      books.close();
    },
  };
}

interface Exchange {
  readonly options: PlatformOptions;
  readonly books: PlatformBooks;
  readonly step: Step;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Notes what went out; null when nothing did. */
  answered(status: number | null): void;
}

function say(exchange: Exchange, status: number, value: unknown): void {
  exchange.answered(status);
  sendJson(exchange.response, status, value);
}

/** Answers that come before anything was looked at; true when the request is over. */
async function interfere(exchange: Exchange): Promise<boolean> {
  const { step, response } = exchange;
  if (step.answer === 'drop') return reset(exchange);
  if (step.answer === 'hang' && step.apply !== true) return over(exchange, null);
  if (step.answer === 'garbage' && step.apply !== true) return garbage(exchange);
  if (step.answer === 'busy') {
    response.setHeader('retry-after', String(step.retryAfter ?? 1));
    say(exchange, 503, { resultCode: 'SYSTEM_ERROR', resultMsg: '系统繁忙' });
    return true;
  }
  if (step.answer === 'redirect') {
    response.writeHead(302, { location: 'http://127.0.0.1:9/login' }).end();
    return over(exchange, 302);
  }
  if (step.answer === 'unauthorised') {
    say(exchange, 401, { resultCode: 'UNAUTHORISED' });
    return true;
  }
  return false;
}

function over(exchange: Exchange, status: number | null): true {
  exchange.answered(status);
  return true;
}

function reset(exchange: Exchange): true {
  exchange.response.socket?.resetAndDestroy();
  return over(exchange, null);
}

function garbage(exchange: Exchange): true {
  sendBytes(
    exchange.response,
    200,
    'text/html; charset=utf-8',
    Buffer.from('<html><body>网关提示：请求已处理</body></html>'),
  );
  return over(exchange, 200);
}

async function submit(exchange: Exchange, body: Buffer): Promise<void> {
  const { step, books, request } = exchange;
  const batch = readBatch(request, body);
  if (isRefusal(batch))
    return say(exchange, batch.status, { resultCode: batch.resultCode, resultMsg: batch.resultMsg });
  if (step.answer === 'refuse' && isPoisoned(batch, step)) {
    return say(exchange, 400, { resultCode: 'FORMAT_ERROR', resultMsg: '包内有不合格记录，整包拒收' });
  }
  const taken = books.take(batch, step);
  if ('resultCode' in taken)
    return say(exchange, taken.status, { resultCode: taken.resultCode, resultMsg: taken.resultMsg });
  await answerTaken(exchange, taken);
}

const isPoisoned = ({ records }: Batch, { poison }: Step): boolean =>
  poison === undefined || records.some(({ data }) => matches(poison, data));

/** From here on the batch is kept, whatever the sender gets to hear. */
async function answerTaken(exchange: Exchange, { packageId, receiptId, receivedCount, results }: Taken): Promise<void> {
  const { step, options, response } = exchange;
  const isAsync = options.receipts === 'async';
  const answer = isAsync ? { packageId, receiptId, receivedCount } : { packageId, receiptId, receivedCount, results };
  if (step.answer === 'lose') return void reset(exchange);
  if (step.answer === 'hang') return void over(exchange, null);
  if (step.answer === 'garbage') return void garbage(exchange);
  if (step.answer === 'half') return half(exchange, isAsync ? 202 : 200, answer);
  if (step.ms !== undefined || step.answer === 'delay') await wait(step.ms ?? 1000);
  if (!response.destroyed) say(exchange, isAsync ? 202 : 200, answer);
}

function half(exchange: Exchange, status: number, answer: unknown): void {
  const bytes = Buffer.from(JSON.stringify(answer));
  exchange.answered(status);
  exchange.response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
  });
  exchange.response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => exchange.response.destroy());
}

async function query(exchange: Exchange, packageId: string): Promise<void> {
  const { books, options, step } = exchange;
  const taken = books.find(packageId);
  if (step.answer === 'delay') await wait(step.ms ?? 1000);
  if (step.answer === 'half') return half(exchange, 200, taken ?? { packageId, state: 'absent' });
  if (taken === undefined) return say(exchange, 404, { packageId, state: 'absent' });
  const { receiptId, receivedCount, bodyDigest, results } = taken;
  const isDone = options.receipts === 'sync' || books.ask(packageId) >= (options.processingFor ?? 1);
  const head = { packageId, receiptId, receivedCount, bodyDigest };
  return say(
    exchange,
    200,
    isDone ? { ...head, state: 'done', results } : { ...head, state: 'processing', results: [] },
  );
}

const MOST_ROWS = 1000;

/** What it stores, in the order of the record keys; the digest is taken of the data as stored. */
async function holdings(exchange: Exchange, wish: URLSearchParams): Promise<void> {
  const { books, step } = exchange;
  const limit = Math.min(MOST_ROWS, Math.max(1, Number(wish.get('limit')) || MOST_ROWS));
  const page = books.held({ after: wish.get('after') ?? '', limit });
  const { held, withdrawn } = books.counts();
  const rows = page.map(({ recordKey, rowId, dataVersion, op, data }) => ({
    ...{ recordKey, rowId, dataVersion, op },
    payloadHash: digestOf(sorted(data)),
  }));
  const answer = { total: held + withdrawn, rows, next: page.length < limit ? null : page.at(-1)?.recordKey };
  if (step.answer === 'delay') await wait(step.ms ?? 1000);
  return step.answer === 'half' ? half(exchange, 200, answer) : say(exchange, 200, answer);
}

/** 信用修复 notices in the order in which they were put in, behind the one that the reader names. */
async function notices(exchange: Exchange, wish: URLSearchParams): Promise<void> {
  const { books, step } = exchange;
  const limit = Math.min(MOST_ROWS, Math.max(1, Number(wish.get('limit')) || MOST_ROWS));
  const page = books.notices({ after: wish.get('after') ?? '', limit: limit + 1 });
  const shown = page.slice(0, limit);
  const answer = { notices: shown, next: page.length > limit ? (shown.map(idOf).findLast(isKnown) ?? null) : null };
  if (step.answer === 'delay') await wait(step.ms ?? 1000);
  return step.answer === 'half' ? half(exchange, 200, answer) : say(exchange, 200, answer);
}

const isKnown = (id: unknown): boolean => id !== undefined;

const idOf = (notice: unknown): unknown =>
  typeof notice === 'object' && notice !== null && 'id' in notice ? notice.id : undefined;
