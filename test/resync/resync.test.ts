import { expect, test } from 'vitest';
import { decide } from '../../src/accounts/requests.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Db, inTransaction, select } from '../../src/store/database.ts';
import { thisProcess } from '../../src/store/leases.ts';
import { listLog } from '../../src/store/log.ts';
import { openResync } from '../../src/store/resyncs.ts';
import { account, codeOf, principal } from '../accounts/support.ts';
import { onBothDatabases } from '../support/databases.ts';
import { NOW, row } from '../support/hub.ts';
import { arrived, bench, counted, rows } from './bench.ts';

const keysOf = (sent: readonly { readonly rowId: string }[]): string[] => sent.map(({ rowId }) => rowId);

async function approver(db: Db): Promise<(id: number) => Promise<unknown>> {
  await account(db, 'chief', 'sysadmin');
  await account(db, 'nong', 'approver');
  return async (id) =>
    decide(db, id, { principal: await principal(db, 'nong'), approve: true, reason: '同意', now: NOW });
}

onBothDatabases('resync', ({ url }) => {
  test('the preview tells new, changed, withdrawn, refused and unchanged apart, and sends nothing', async () => {
    const here = await bench(await url(), { script: ['reject-first'] });
    await here.take(...rows(1, 4));
    await here.push();
    await here.take(row(2, { content: '包装装潢印刷' }), row(3, { status: 'revoked', ended: '2026-11-25' }), row(9));
    const before = arrived(here).length;
    const done = await here.resync({}, { dryRun: true });
    expect([done.outcome, counted(done)]).toEqual([
      'preview',
      { failed: 1, changed: 1, withdrawn: 1, unchanged: 1, new: 1 },
    ]);
    expect(arrived(here)).toHaveLength(before);
  });

  test('only the selected records leave, by key, number, code or day, and the others wait as before', async () => {
    const here = await bench(await url());
    await here.take(...rows(1, 3));
    const done = await here.resync({ keys: ['（桂）印证字第450000002号'] });
    expect(done).toMatchObject({ outcome: 'sent', report: { state: 'done', counts: { sealed: 1, accepted: 1 } } });
    here.clock.now = new Date('2026-11-27T17:00:00Z');
    await here.take(row(4));
    expect(counted(await here.resync({ since: '2026-11-28' }, { dryRun: true }))).toEqual({ new: 1 });
    expect(counted(await here.resync({ since: '2026-11-27', until: '2026-11-27' }, { dryRun: true }))).toEqual({
      new: 2,
      unchanged: 1,
    });
    expect(counted(await here.resync({ keys: ['91450100MA5KA0017F'] }, { dryRun: true }))).toEqual({
      new: 3,
      unchanged: 1,
    });
    expect(await codeOf(here.resync({ keys: ['没有的'] }))).toBe('RECORD_UNKNOWN');
    expect(await codeOf(here.resync({ since: '2026-11-29', until: '2026-11-28' }))).toBe('USAGE_SPAN');
    expect(await codeOf(here.resync({ types: ['licence/prining'] }))).toBe('TYPE_UNKNOWN');
    expect(await here.push()).toMatchObject({ counts: { sealed: 3 } });
  });

  test('what the platform has is not sent again, and no cursor moves', async () => {
    const here = await bench(await url());
    await here.take(...rows(1, 2));
    await here.push();
    const cursors = await select(here.hub.db, 'SELECT * FROM cursors');
    expect(cursors).toHaveLength(1);
    expect(await here.resync()).toMatchObject({ outcome: 'nothing' });
    expect(arrived(here)).toHaveLength(2);
    expect(await select(here.hub.db, 'SELECT * FROM cursors')).toEqual(cursors);
  });

  test('a refused record goes once more under a key of its own with the same content, without anybody else', async () => {
    const here = await bench(await url(), { script: ['reject-first'] });
    await here.take(...rows(1, 3));
    await here.push();
    const done = await here.resync({ failedOnly: true });
    expect([done.outcome, counted(done)]).toEqual(['sent', { failed: 1 }]);
    const sent = arrived(here);
    expect(sent).toHaveLength(4);
    expect(sent[3]).toMatchObject({ dataVersion: 1, payloadHash: sent[0]?.payloadHash });
    expect(keysOf(sent)).toHaveLength(new Set(keysOf(sent)).size);
    expect(await select(here.hub.db, 'SELECT rendition, state FROM deliveries ORDER BY record_id, rendition')).toEqual([
      ...[
        { rendition: 1, state: 'rejected' },
        { rendition: 2, state: 'accepted' },
      ],
      ...[
        { rendition: 1, state: 'accepted' },
        { rendition: 1, state: 'accepted' },
      ],
    ]);
    expect(counted(await here.resync({ failedOnly: true }, { anew: true }))).toEqual({});
  });

  test('an older version never goes out after a newer one, even if it was the one that was refused', async () => {
    const here = await bench(await url(), { script: ['reject-first'] });
    await here.take(row(1));
    await here.push();
    await here.take(row(1, { content: '包装装潢印刷' }));
    expect(await here.resync({ failedOnly: true })).toMatchObject({ outcome: 'nothing' });
    await here.resync();
    expect(arrived(here).map(({ dataVersion }) => dataVersion)).toEqual([1, 2]);
  });

  test('above the threshold a second person approves exactly these records, once', async () => {
    const here = await bench(await url(), { most: 2 });
    const { db } = here.hub;
    const yes = await approver(db);
    await here.take(...rows(1, 3));
    const asked = await here.resync();
    if (asked.outcome !== 'waiting') throw new Error(asked.outcome);
    expect(asked.request).toMatchObject({ kind: 'resync', state: 'open', askedBy: 'user:wei', detail: { records: 3 } });
    expect(await here.resync()).toMatchObject({ outcome: 'waiting', request: { id: asked.request.id } });
    expect(arrived(here)).toEqual([]);
    await yes(asked.request.id);
    await here.take(row(4));
    const changed = await here.resync();
    if (changed.outcome !== 'waiting') throw new Error(changed.outcome);
    expect(changed.request.id).not.toBe(asked.request.id);
    await yes(changed.request.id);
    expect(await here.resync()).toMatchObject({ outcome: 'sent', report: { counts: { accepted: 4 } } });
    await sequenceAll(db);
    const [ended, started] = (await listLog(db, { limit: 50 })).filter(({ action }) => action.startsWith('resync.'));
    expect(started).toMatchObject({
      actor: 'user:wei',
      action: 'resync.started',
      detail: { request: String(changed.request.id), records: '4', reason: '平台丢失' },
    });
    expect(ended).toMatchObject({ action: 'resync.ended', detail: { state: 'done' } });
  });

  test('what the platform has already is sent again only with an approval, under a new key; the ledger says what stands', async () => {
    const here = await bench(await url());
    const yes = await approver(here.hub.db);
    await here.take(...rows(1, 2));
    await here.push();
    const asked = await here.resync({ again: true });
    if (asked.outcome !== 'waiting') throw new Error(asked.outcome);
    await yes(asked.request.id);
    expect(await here.resync({ again: true })).toMatchObject({ outcome: 'sent', report: { counts: { accepted: 2 } } });
    const sent = arrived(here);
    expect([sent.length, new Set(keysOf(sent)).size, new Set(sent.map(({ payloadHash }) => payloadHash)).size]).toEqual(
      [4, 4, 2],
    );
    expect(await here.resync({ again: true }, { anew: true })).toMatchObject({ outcome: 'waiting' });
    expect(await here.push()).toMatchObject({ counts: { sealed: 0 } });
  });

  test('a refused version whose mapping has changed since needs a second person: the content is another one', async () => {
    const here = await bench(await url(), { script: ['reject-first'] });
    await here.take(row(1));
    await here.push();
    await here.hub.db('deliveries').update({ payload_digest: Buffer.alloc(32, 7) });
    const done = await here.resync({ failedOnly: true });
    expect(done).toMatchObject({ outcome: 'waiting', causes: [expect.stringContaining('other content')] });
    expect(arrived(here)).toHaveLength(1);
  });

  test('fifty clicks of two people at once are one job', async () => {
    const here = await bench(await url(), { script: ['reject-first'] });
    await here.take(row(1), row(2));
    await here.push();
    const clicks = Array.from({ length: 50 }, (_, n) =>
      here.resync({ failedOnly: true }, { by: n % 2 === 0 ? 'user:wei' : 'user:lan', waitMs: 20_000 }),
    );
    const outcomes = (await Promise.all(clicks)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'sent')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'repeated').length).toBeGreaterThan(0);
    expect(arrived(here)).toHaveLength(3);
  });

  test('fifty clicks of two people at once, while the period is being pushed, are one job with one key per record', {
    timeout: 60_000,
  }, async () => {
    const here = await bench(await url());
    await here.take(...rows(1, 30));
    const clicks = Array.from({ length: 50 }, (_, n) =>
      here.resync({}, { by: n % 2 === 0 ? 'user:wei' : 'user:lan', waitMs: 20_000 }),
    );
    const [period, ...done] = await Promise.all([here.push(), ...clicks]);
    expect(period.error?.code ?? 'done').toMatch(/done|RUN_OVERLAPPING/);
    const sent = arrived(here);
    expect(sent).toHaveLength(30);
    expect(new Set(keysOf(sent)).size).toBe(30);
    expect(done.filter(({ outcome }) => outcome === 'sent').length).toBeLessThanOrEqual(1);
    expect(await select(here.hub.db, 'SELECT COUNT(*) AS n FROM resyncs')).toEqual([
      { n: done.some(({ outcome }) => outcome === 'sent') ? 1 : 0 },
    ]);
    expect(await select(here.hub.db, "SELECT state FROM deliveries WHERE state <> 'accepted'")).toEqual([]);
  });

  test('the same command a moment later is the one that was done, unless it is wanted anew', async () => {
    const here = await bench(await url(), { script: ['reject-first', 'reject-first', 'accept'] });
    await here.take(row(1));
    await here.push();
    const first = await here.resync({ failedOnly: true });
    expect(first).toMatchObject({ outcome: 'sent' });
    expect(await here.resync({ failedOnly: true })).toMatchObject({ outcome: 'repeated', resync: { state: 'done' } });
    expect(await here.resync({ failedOnly: true }, { anew: true })).toMatchObject({
      outcome: 'sent',
      report: { counts: { accepted: 1 } },
    });
    expect(arrived(here)).toHaveLength(3);
  });

  test('what a platform could not take now goes with the next push: nothing is lost', async () => {
    const here = await bench(await url(), {
      script: ['reject-first', { status: 503 }, { status: 503 }, { status: 503 }],
    });
    await here.take(row(1));
    await here.push();
    const done = await here.resync({ failedOnly: true });
    expect(done.outcome).toBe('sent');
    here.clock.now = new Date(NOW.getTime() + 3_600_000);
    await here.push();
    expect(await select(here.hub.db, 'SELECT rendition, state FROM deliveries ORDER BY rendition')).toEqual([
      { rendition: 1, state: 'rejected' },
      { rendition: 2, state: 'accepted' },
    ]);
  });

  test('what a killed process had not yet ordered whole never counts, and what it had goes on', async () => {
    const here = await bench(await url());
    const { db } = here.hub;
    await here.take(...rows(1, 2));
    const dead = thisProcess().replace(/\/\d+\//, '/999999999/');
    const start = {
      platform: 'credit-sharing',
      selection: '00'.repeat(32),
      detail: {},
      actor: 'user:wei',
      reason: 'x',
      holder: dead,
      startedAt: NOW.toISOString(),
    };
    const { row: left } = await inTransaction(db, (tx) => openResync(tx, start));
    await db('reissues').insert({
      platform: 'credit-sharing',
      record_id: 1,
      version: 1,
      rendition: 2,
      resync_id: left.id,
    });
    await db('resync_members').insert({ resync_id: left.id, record_id: 1 });
    expect(await here.resync()).toMatchObject({ outcome: 'sent', report: { counts: { accepted: 2 } } });
    expect(arrived(here)).toHaveLength(2);
    expect(await select(db, 'SELECT * FROM reissues')).toEqual([]);
    expect(await select(db, 'SELECT state, open_at FROM resyncs ORDER BY id')).toEqual([
      { state: 'died', open_at: null },
      { state: 'done', open_at: null },
    ]);
  });

  test('what a person stopped, and what is shown no more, is not sent by a resync either', async () => {
    const here = await bench(await url());
    await here.take(...rows(1, 3));
    const at = NOW.toISOString();
    await here.hub.db('holds').insert({ record_id: 1, platform: null, actor: 'user:lan', reason: '核实', at });
    await here.hub
      .db('suppressions')
      .insert({ record_id: 2, cause: 'repair', since: '2026-11-20', reason: '信用修复', at });
    const done = await here.resync();
    expect([done.outcome, counted(done)]).toEqual(['sent', { held: 1, notShown: 1, new: 1 }]);
    expect(arrived(here)).toHaveLength(1);
  });

  test('another selection waits while a resync of the platform is under way', async () => {
    const here = await bench(await url());
    await here.take(row(1));
    const start = {
      platform: 'credit-sharing',
      selection: '00'.repeat(32),
      detail: {},
      actor: 'user:lan',
      reason: 'x',
      holder: thisProcess(),
      startedAt: NOW.toISOString(),
    };
    await inTransaction(here.hub.db, (tx) => openResync(tx, start));
    expect(await codeOf(here.resync())).toBe('RESYNC_BUSY');
  });
});
