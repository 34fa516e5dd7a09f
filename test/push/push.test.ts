import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { waiveQuarantine } from '../../src/quarantine.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunReport } from '../../src/run-report.ts';
import { select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { databases, onBothDatabases } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import {
  type Behaviour,
  type PlatformServer,
  type PlatformServerOptions,
  platformServer,
} from '../support/platform-server.ts';

interface Bench {
  readonly hub: Hub;
  readonly server: PlatformServer;
  readonly script: Behaviour[];
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: (options?: { readonly dryRun?: boolean }) => Promise<RunReport>;
}

async function bench(
  url: string,
  server: PlatformServerOptions = {},
  platform: Parameters<typeof pushJob>[1] = {},
): Promise<Bench> {
  const script: Behaviour[] = server.script ?? [];
  const far = await platformServer({ ...server, script });
  cleanUp(() => far.close());
  const clock = { now: NOW };
  const hub = await openTestHub(url, [pullJob(), pushJob(far.url, platform)], clock);
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const signal = new AbortController().signal;
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const common = {
      db: hub.db,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
      signal,
      dryRun: false,
      acceptShrink: false,
    };
    const { stopped } = await pull(pullJob(), { ...common, source: sourceOf(page(rows)) });
    if (stopped !== undefined) throw stopped;
  };
  const push = (options = {}) => runJob(hub, 'push-credit-sharing', { signal, by: 'shell:test', ...options });
  return { hub, server: far, script, clock, take, push };
}

const rows = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

const posts = ({ server }: Bench) => server.requests.filter(({ method }) => method === 'POST');

interface Sent {
  readonly rowId: string;
  readonly op: string;
  readonly dataVersion: number;
  readonly payloadHash: string;
  readonly data: { readonly [column: string]: string };
}

const recordsIn = (body: Buffer): readonly Sent[] => JSON.parse(body.toString()).records;

const deliveries = (hub: Hub): Promise<{ state: string; operation: string; n: number }[]> =>
  select(
    hub.db,
    'SELECT state, operation, COUNT(*) AS n FROM deliveries GROUP BY state, operation ORDER BY state, operation',
  );

/** Per key, every payload hash that ever left: more than one would be the worst fault there is (I7). */
const namesIn = (body: Buffer): unknown[] => recordsIn(body).map(({ data }) => data['XK_XDR_MC']);

function contentsPerKey(bench: Bench): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  for (const { body } of posts(bench)) {
    for (const { rowId, payloadHash } of recordsIn(body))
      seen.set(rowId, (seen.get(rowId) ?? new Set<string>()).add(payloadHash));
  }
  return seen;
}

onBothDatabases('pushing from', ({ url }) => {
  test('everything pending leaves once, in batches, and is settled by the receipt', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 25));
    const report = await b.push();
    expect(report).toMatchObject({
      state: 'done',
      counts: { pending: 25, sealed: 25, accepted: 25, batches: 3, unsettled: 0 },
    });
    // Two batches are on the wire at once: they may arrive in either order.
    expect(
      posts(b)
        .map(({ body }) => recordsIn(body).length)
        .toSorted(),
    ).toEqual([10, 10, 5]);
    const first = posts(b).find(({ body }) => namesIn(body).includes('南宁某某印刷第1有限公司'));
    const digest = createHash('sha256')
      .update(first?.body ?? '')
      .digest('base64');
    expect(first?.headers['content-digest']).toBe(`sha-256=:${digest}:`);
    expect(namesIn(first?.body ?? Buffer.alloc(0))).toEqual(
      rows(1, 10).map((_, index) => `南宁某某印刷第${index + 1}有限公司`),
    );
    expect((await b.push()).counts).toMatchObject({ pending: 0, sealed: 0 });
    expect(posts(b)).toHaveLength(3);
  });

  test('a record that changes A→B→A is delivered three times', async () => {
    const b = await bench(await url());
    const states = ['甲', '乙', '甲'].map((content, day) =>
      row(1, { content, revised: `2026-11-2${day + 1} 08:00:00` }),
    );
    for (const state of states) {
      await b.take(state);
      await b.push();
    }
    expect(posts(b).map(({ body }) => recordsIn(body)[0]?.dataVersion)).toEqual([1, 2, 3]);
  });

  test('a rejected record waits for its division; the corrected version leaves by itself and closes the ticket', async () => {
    const b = await bench(await url(), { script: ['reject-first'] });
    await b.take(...rows(1, 3));
    expect(await b.push()).toMatchObject({ state: 'done', counts: { accepted: 2, rejected: 1 } });
    const [ticket] = await listQuarantine(b.hub.db);
    expect(ticket).toMatchObject({
      stage: 'platform',
      platform: 'credit-sharing',
      division: '印刷发行处',
      number: row(1)['number'],
    });
    expect(ticket?.faults[0]?.zh).toContain('日期格式不对');
    expect((await b.push()).counts).toMatchObject({ sealed: 0 });
    await b.take(row(1, { content: '更正后的内容' }));
    expect((await b.push()).counts).toMatchObject({ sealed: 1, accepted: 1 });
    expect(await listQuarantine(b.hub.db)).toEqual([]);
  });

  test('an answer that is lost is asked for, not sent again (F9)', async () => {
    const b = await bench(await url(), { script: ['reset-after-body'] });
    await b.take(...rows(1, 5));
    expect(await b.push()).toMatchObject({ state: 'done', counts: { accepted: 5 } });
    expect(posts(b)).toHaveLength(1);
  });

  test('half a request that never arrived is sent again with the same key and the same bytes (F10)', async () => {
    const b = await bench(await url(), { script: ['reset-in-body'] });
    await b.take(...rows(1, 5));
    expect(await b.push()).toMatchObject({ state: 'done', counts: { accepted: 5 } });
    expect([...contentsPerKey(b).values()].every((contents) => contents.size === 1)).toBe(true);
    const attempts = await select(b.hub.db, 'SELECT action, outcome FROM attempts ORDER BY id');
    expect(attempts).toEqual([
      { action: 'send', outcome: 'unknown' },
      { action: 'query', outcome: 'absent' },
      { action: 'send', outcome: 'answered' },
    ]);
  });

  test('a login page with status 200 is no success: the batch stays unknown until the platform can be asked (F13)', async () => {
    const html: Behaviour = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>登录</html>' };
    const b = await bench(await url(), { script: [html], query: html });
    await b.take(row(1));
    const report = await b.push();
    expect(report).toMatchObject({
      state: 'failed',
      error: { code: 'PLATFORM_UNSETTLED' },
      counts: { accepted: 0, unsettled: 1 },
    });
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'UNKNOWN' }]);
    expect(posts(b)).toHaveLength(1);
  });

  test('a refused login stops the run at once and nothing is hammered', async () => {
    const b = await bench(await url(), { answer: { status: 401 } });
    await b.take(...rows(1, 35));
    const report = await b.push();
    expect(report.state).toBe('failed');
    expect(report.error?.fix).toMatch(/口令|令牌/);
    expect(posts(b).length).toBeLessThanOrEqual(2);
    expect(await deliveries(b.hub)).toMatchObject([{ state: 'open' }]);
  });

  test('asynchronous receipts are fetched, also by a later run', async () => {
    const b = await bench(await url(), { answer: 'receive', query: 'accept' }, { receipts: 'async' });
    await b.take(...rows(1, 12));
    expect(await b.push()).toMatchObject({ state: 'done', counts: { accepted: 12, unsettled: 0 } });
    expect(await select(b.hub.db, 'SELECT COUNT(*) AS n FROM receipts')).toEqual([{ n: 4 }]);
  });

  test('a batch that is refused whole is halved until only the poison is left (F24)', async () => {
    const b = await bench(await url());
    const poisoned = (body: Buffer): boolean => body.includes('剧毒');
    await b.take(...rows(1, 7), row(8, { content: '剧毒' }), ...rows(9, 10));
    const refuse: Behaviour = {
      status: 400,
      body: JSON.stringify({ resultCode: 'FORMAT_ERROR', resultMsg: '第8条有误' }),
    };
    b.script.push(refuse, 'accept', refuse, refuse, 'accept', 'accept');
    const report = await b.push();
    const alone = posts(b).filter(({ body }) => poisoned(body) && recordsIn(body).length === 1);
    expect(posts(b)[0] && poisoned(posts(b)[0]?.body ?? Buffer.alloc(0))).toBe(true);
    expect(report.counts).toMatchObject({ sealed: 10 });
    expect(alone.length).toBeLessThanOrEqual(1);
    expect((await deliveries(b.hub)).reduce((sum, { n }) => sum + Number(n), 0)).toBe(10);
    expect((await deliveries(b.hub)).filter(({ state }) => state === 'open')).toEqual([]);
  });

  test('withdrawals go first, and only for what the platform was told', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 3));
    await b.push();
    const gone = { status: 'revoked', ended: '2026-11-25' };
    await b.take(row(2, gone), row(4), row(5, gone));
    await b.push();
    const sent = posts(b)
      .slice(1)
      .map(({ body }) => recordsIn(body).map(({ op }) => op));
    expect(sent).toEqual([['D'], ['U']]);
  });

  test('a re-keyed record: the old one is withdrawn before the new one is shown', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    await b.push();
    await b.take(row(1, { number: '（桂）印证字第459999999号' }));
    await b.push();
    const sent = posts(b)
      .slice(1)
      .map(({ body }) => recordsIn(body).map(({ op, data }) => [op, data['XK_XKBH']]));
    expect(sent).toEqual([[['D', '（桂）印证字第450000001号']], [['U', '（桂）印证字第459999999号']]]);
  });

  test('what is not for publication stays; what lacks its 公开属性 or holds personal data waits, and can be released', async () => {
    const b = await bench(await url());
    const phone = row(3, { content: '联系电话13877112233，负责印刷' });
    await b.take(row(1, { publicity: '不公开', why: '涉及商业秘密' }), row(2), phone);
    expect((await b.push()).counts).toMatchObject({ withheld: 1, quarantined: 1, accepted: 1 });
    const [ticket] = await listQuarantine(b.hub.db);
    expect(ticket?.stage).toBe('outbound');
    expect(JSON.stringify(ticket)).not.toContain('13877112233');
    expect(await waiveQuarantine(b.hub.db, ticket?.id ?? 0, { by: 'shell:test', reason: '单位总机，可公开' })).toBe(
      'released',
    );
    expect((await b.push()).counts).toMatchObject({ quarantined: 0, accepted: 1 });
  });

  test('what is closed to the public after it was shown is taken back', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    await b.push();
    await b.take(row(1, { publicity: '依申请公开', why: '涉及个人隐私' }));
    await b.push();
    expect(posts(b).map(({ body }) => recordsIn(body).map(({ op }) => op))).toEqual([['U'], ['D']]);
  });

  test('a rehearsal counts and sends nothing', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 12));
    expect((await b.push({ dryRun: true })).counts).toMatchObject({ pending: 12, sealed: 12 });
    expect(b.server.requests).toEqual([]);
    expect(await listBatches(b.hub.db)).toEqual([]);
  });

  test('every step of a batch stands in the log, intent before outcome', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    await b.push();
    const log = await logged(b.hub.db, 'batch.');
    expect(log.map(({ action }) => action)).toEqual(['batch.sealed', 'batch.intent', 'batch.outcome']);
  });

  test('a platform that answers with a wait is left alone until then', async () => {
    const busy: Behaviour = { status: 503, headers: { 'retry-after': '120' } };
    const b = await bench(await url(), { script: [busy] }, { notProcessed: [503] });
    await b.take(row(1));
    expect((await b.push()).state).toBe('failed');
    expect(await b.push()).toMatchObject({ state: 'failed', error: { code: 'PLATFORM_BUSY' } });
    expect(posts(b)).toHaveLength(1);
    b.clock.now = new Date(NOW.getTime() + 121_000);
    expect(await b.push()).toMatchObject({ state: 'done' });
    expect(posts(b)).toHaveLength(2);
  });
});

test('both databases give byte-identical bodies', async () => {
  const bodies: string[][] = [];
  for (const { url } of databases.filter(({ available }) => available)) {
    const b = await bench(await url());
    await b.take(...rows(1, 25), row(26, { name: '𠮷野家（南宁）' }));
    await b.take(row(3, { status: 'revoked', ended: '2026-11-25' }), row(7, { content: '改' }));
    await b.push();
    bodies.push(posts(b).map(({ body }) => body.toString('base64')));
  }
  for (const other of bodies.slice(1)) expect(other).toEqual(bodies[0]);
});
