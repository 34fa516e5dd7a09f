import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Hub } from '../../src/hub-context.ts';
import type { PullJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { reconcileBureau } from '../../src/reconcile/reconcile.ts';
import { select } from '../../src/store/database.ts';
import { openDifferences } from '../../src/store/reconciliations.ts';
import { onBothDatabases } from '../support/databases.ts';
import { cleanUp, openTestHub, page, pullJob, row, schemas, sourceOf } from '../support/hub.ts';

const signal = new AbortController().signal;

/** A bureau that has these rows, over HTTP. */
async function bureau(rows: readonly JsonObject[]): Promise<PullJob> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rows));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  cleanUp(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rows`;
  return pullJob({ source: { use: 'http', url } });
}

async function take(hub: Hub, job: PullJob, rows: readonly JsonObject[]): Promise<void> {
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const common = { db: hub.db, type, schemasDigest: schemas.digest, runId: 1, now: hub.now, localDate: hub.localDate };
  await pull(job, { ...common, signal, dryRun: false, acceptShrink: true, source: sourceOf(page(rows)) });
}

onBothDatabases('reconciling with a bureau from', ({ url }) => {
  test('what the library lacks, holds otherwise and has alone is told, and nothing is taken in', async () => {
    const job = await bureau([row(1), row(2, { content: '包装装潢' }), row(4), row(5, { code: 'wrong' })]);
    const hub = await openTestHub(await url(), [job]);
    await take(hub, job, [row(1), row(2), row(3), row(5)]);
    const before = await select(hub.db, 'SELECT record_id, version FROM versions ORDER BY record_id');
    const report = await reconcileBureau(hub, job, { signal, by: 'shell:test' });
    expect(report).toMatchObject({ state: 'different', missing: 1, stale: 1, extra: 1 });
    const found = await openDifferences(hub.db, { kind: 'bureau', scope: job.name }, 10);
    expect(found.map(({ state, number }) => `${state} ${number}`).toSorted()).toEqual([
      'extra （桂）印证字第450000003号',
      'missing null',
      'stale （桂）印证字第450000002号',
    ]);
    expect(report?.commands).toEqual([`hub run pull-printing --reason "对账 ${report?.id}"`]);
    expect(report?.remarks).toHaveLength(1);
    expect(await select(hub.db, 'SELECT record_id, version FROM versions ORDER BY record_id')).toEqual(before);
    expect(await select(hub.db, 'SELECT id FROM quarantine')).toEqual([]);
  });

  test('a bureau that answers with a web page is not compared', async () => {
    const job = await bureau([]);
    const hub = await openTestHub(await url(), [job]);
    await take(hub, job, [row(1)]);
    const { source } = job;
    const broken = pullJob({
      source: {
        ...source,
        ...(source.use === 'http' ? { url: `${source.url}x`, items: 'data.rows' } : {}),
      } as PullJob['source'],
    });
    const report = await reconcileBureau(hub, broken, { signal, by: 'shell:test' });
    expect(report).toMatchObject({ state: 'failed', error: { code: expect.stringMatching(/^SOURCE_/) } });
    expect(await openDifferences(hub.db, { kind: 'bureau', scope: job.name }, 10)).toEqual([]);
  });
});
