import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FAULTS, type Fault, type FaultShares } from './fault-shares.ts';
import { POISON } from './poison.ts';

/**
 * A platform in a process of its own, for fault runs: `node far-platform.ts FOLDER SEED [once-per-key|every-time]`. It speaks
 * docs/platform-http.md, keeps what it applied in `effects.jsonl` and every request that came in `wire.jsonl` (both synced before
 * it answers), prints its address, then one line per request that came in and per answer that went out. `POST /control` sets the
 * shares of its faults and how far the hub's clock is ahead of the machine's, which it keeps to as well.
 */
interface Held {
  readonly packageId: string;
  readonly digest: string;
  readonly records: readonly SentRecord[];
  /** Results are told from then on, in ms since the epoch. */
  readonly doneAt: number;
}

interface SentRecord {
  readonly rowId: string;
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
  readonly data: { readonly [column: string]: unknown };
}

const [folder = '.', seed = '1', effect = 'once-per-key'] = process.argv.slice(2);
const random = generator(Number(seed));
const held = new Map<string, Held>();
const wire = openSync(join(folder, 'wire.jsonl'), 'a');
const effects = openSync(join(folder, 'effects.jsonl'), 'a');
let shares: FaultShares = {};
let aheadMs = 0;
let refusals = 0;

const now = (): number => Date.now() + aheadMs;

recall();
const server = createServer((request, response) => {
  serve(request, response).catch(() => request.socket?.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.on('end', () => {
  closeSync(wire);
  closeSync(effects);
  process.exit(0);
});
process.stdin.resume();

/** What was applied before a restart of this process. */
function recall(): void {
  const file = join(folder, 'held.jsonl');
  if (!existsSync(file)) return;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const one = JSON.parse(line) as Held;
    held.set(one.packageId, one);
  }
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (path === '/control') return control(request, response);
  if (request.method === 'GET') return void tell(path, response);
  const key = String(request.headers['idempotency-key']);
  console.log(`submit ${key}`);
  response.on('finish', () => console.log(`answered ${key}`));
  const fault = choose();
  if (fault === 'reset-before-body') {
    append(wire, { at: now(), kind: 'submit', key, whole: false, fault });
    return reset(request);
  }
  const body = await readBody(request, fault === 'reset-half-body');
  record(request, body, fault);
  if (fault === 'reset-half-body') return reset(request);
  answer(fault, body, request, response);
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const told = JSON.parse((await readBody(request, false)).toString()) as {
    readonly shares?: FaultShares;
    readonly aheadMs?: number;
  };
  shares = told.shares ?? shares;
  aheadMs = told.aheadMs ?? aheadMs;
  response.end('{}');
}

function choose(): Fault | undefined {
  let point = random();
  for (const fault of FAULTS) {
    point -= shares[fault] ?? 0;
    if (point < 0) return fault;
  }
  return undefined;
}

/** `half`: stops reading as soon as half of what was announced has come. */
async function readBody(request: IncomingMessage, half: boolean): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  const enough = half ? Number(request.headers['content-length'] ?? 0) / 2 : Number.POSITIVE_INFINITY;
  for await (const part of request as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= enough) break;
  }
  return Buffer.concat(parts);
}

const reset = (request: IncomingMessage): void => void request.socket?.resetAndDestroy();

function record(request: IncomingMessage, body: Buffer, fault: Fault | undefined): void {
  append(wire, {
    at: now(),
    kind: 'submit',
    key: request.headers['idempotency-key'],
    whole: fault !== 'reset-half-body',
    fault: fault ?? null,
    sha256: sha256(body),
    body: body.toString('base64'),
  });
}

function append(file: number, line: object): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
  fsyncSync(file);
}

function answer(fault: Fault | undefined, body: Buffer, request: IncomingMessage, response: ServerResponse): void {
  if (fault !== undefined && !fault.startsWith('applied-')) {
    fail(fault, request, response);
    return;
  }
  const taken = take(body, String(request.headers['idempotency-key']), fault === 'applied-later');
  if (typeof taken === 'number') {
    const resultCode = taken === 422 ? 'KEY_REUSED' : 'FORMAT_ERROR';
    send(response, taken, { resultCode, resultMsg: '整批不合格' });
    return;
  }
  const receipt = full(taken);
  if (fault === undefined) send(response, 200, receipt);
  else if (fault === 'applied-reset') reset(request);
  else if (fault === 'applied-500') send(response, 500, {});
  else if (fault === 'applied-html') html(response);
  else if (fault === 'applied-count-wrong')
    send(response, 200, { ...receipt, receivedCount: receipt.receivedCount - 1 });
  else if (fault === 'applied-half-answer') halfAnswer(response, JSON.stringify(receipt));
  else if (fault === 'applied-later') send(response, 202, head(taken));
}

function fail(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  if (fault === 'html') html(response);
  else if (fault === 'empty') response.writeHead(204).end();
  else if (fault === 'redirect') response.writeHead(302, { location: '/login' }).end();
  else if (fault === 'refused-login') send(response, 401, {});
  else if (/^\d+$/.test(fault)) busy(Number(fault), response);
  else if (fault !== 'hang') reset(request);
}

/** Every spelling of a Retry-After in turn; what it asked for is on record, so that anyone can check who came too early. */
function busy(status: number, response: ServerResponse): void {
  const spelt = [
    ...['1', '120', 'abc', new Date(now() + 300_000).toUTCString(), '-1'],
    ...['Fri, 02 Jan 2015 08:00:00 GMT', '1e9', '4000000'],
  ];
  const retryAfter = spelt[refusals % spelt.length] ?? '1';
  refusals += 1;
  append(wire, { at: now(), kind: 'busy', status, retryAfter });
  response.writeHead(status, { 'content-type': 'application/json', 'retry-after': retryAfter }).end('{}');
}

const html = (response: ServerResponse): void =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html><form action="/login">登录</form></html>');

function halfAnswer(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
  response.write(text.slice(0, text.length / 2), () => response.socket?.end());
}

/** Applies a batch, all of it or nothing; a status where it does not. */
function take(body: Buffer, key: string, later: boolean): Held | number {
  const digest = sha256(body);
  const before = held.get(key);
  if (before !== undefined && before.digest !== digest) return 422;
  if (before !== undefined && effect === 'once-per-key') return before;
  const { header, records } = JSON.parse(body.toString()) as {
    readonly header: { readonly packageId: string };
    readonly records: readonly SentRecord[];
  };
  if (header.packageId !== key) return 400;
  if (records.some(({ op, data }) => op === 'U' && JSON.stringify(data).includes(POISON))) return 400;
  for (const one of records) append(effects, { ...one, packageId: key, at: now() });
  const taken = { packageId: key, digest, records, doneAt: later ? Date.now() + 300 : 0 };
  held.set(key, taken);
  const file = openSync(join(folder, 'held.jsonl'), 'a');
  append(file, taken);
  closeSync(file);
  return taken;
}

const head = ({ packageId, records }: Held) => ({
  packageId,
  receiptId: `R-${packageId.slice(0, 12)}`,
  receivedCount: records.length,
});

const full = (one: Held) => ({
  ...head(one),
  results: one.records.map(({ rowId }) => ({ rowId, resultCode: 'OK', platformId: `P-${rowId.slice(0, 8)}` })),
});

function tell(path: string, response: ServerResponse): void {
  const packageId = path.split('/').at(-1) ?? '';
  append(wire, { at: now(), kind: 'query', key: packageId });
  console.log(`query ${packageId}`);
  const one = held.get(packageId);
  if (one === undefined) {
    send(response, 404, { packageId, state: 'absent' });
    return;
  }
  const done = Date.now() >= one.doneAt;
  send(response, 200, {
    ...(done ? full(one) : head(one)),
    state: done ? 'done' : 'processing',
    bodyDigest: one.digest,
  });
}

const send = (response: ServerResponse, status: number, document: object): void =>
  void response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(document));

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Mulberry32: the same seed, the same faults. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
