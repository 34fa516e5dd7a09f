import { expect, test } from 'vitest';
import { HubError } from '../../src/errors.ts';
import type { Hub } from '../../src/hub-context.ts';
import { retryQuarantine, waiveQuarantine } from '../../src/quarantine.ts';
import type { Page } from '../../src/source.ts';
import { readCursor } from '../../src/store/cursors.ts';
import { select } from '../../src/store/database.ts';
import { findRecords, ledgerOf } from '../../src/store/ledger.ts';
import { listQuarantine, showQuarantine } from '../../src/store/quarantine.ts';
import { onBothDatabases } from '../support/databases.ts';
import { openTestHub, page, pullJob, row } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import { pullPages } from '../support/pull-pages.ts';

const whole = (expected: number): Partial<Page> => ({ snapshot: { before: 0, expected, last: true } });

const versionsOf = async (hub: Hub): Promise<unknown[]> =>
  select(hub.db, 'SELECT record_id AS id, version, operation FROM versions ORDER BY record_id, version');

const liveNumbers = async (hub: Hub): Promise<unknown[]> => {
  const rows = await select<{ number: string }>(
    hub.db,
    "SELECT number FROM records WHERE newest_operation = 'UPSERT' ORDER BY number",
  );
  return rows.map(({ number }) => number);
};

onBothDatabases('pulling into', ({ url }) => {
  test('the same rows again make no new version, and every row read is counted once', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const first = await pullPages(hub, [page([row(1), row(2)])]);
    expect(first.counts).toEqual({ read: 2, accepted: 2, unchanged: 0, quarantined: 0 });
    const second = await pullPages(hub, [page([row(1), row(2, { name: '改名公司' }), row(3, { code: '无效' })])]);
    expect(second.counts).toEqual({ read: 3, accepted: 1, unchanged: 1, quarantined: 1 });
    expect(await versionsOf(hub)).toHaveLength(3);
    const [sums] = await select(
      hub.db,
      'SELECT SUM(row_count) AS r, SUM(accepted + unchanged + quarantined) AS e FROM intakes',
    );
    expect(sums).toMatchObject({ r: expect.anything() });
    expect(Number((sums as { r: number }).r)).toBe(Number((sums as { e: number }).e));
  });

  test('a record that changes A→B→A has three versions when the bureau says when it was revised', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const a = (revised: string) => row(1, { revised });
    await pullPages(hub, [page([a('2026-11-21 08:00:00')])]);
    await pullPages(hub, [page([row(1, { content: '包装装潢印刷', revised: '2026-11-22 08:00:00' })])]);
    await pullPages(hub, [page([a('2026-11-23 08:00:00')])]);
    expect(await versionsOf(hub)).toHaveLength(3);
  });

  test('older never overwrites newer: a row with a lower revision time waits as STALE', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    await pullPages(hub, [page([row(1, { revised: '2026-11-22 08:00:00' })])]);
    const late = await pullPages(hub, [page([row(1, { content: '旧内容', revised: '2026-11-21 08:00:00' })])]);
    expect(late.faults).toEqual(new Map([['RECORD_STALE', 1]]));
    expect(await versionsOf(hub)).toHaveLength(1);
  });

  test('without revision times a content that goes back to an older state waits for a person, who may release it', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    for (const content of ['甲', '乙', '甲']) await pullPages(hub, [page([row(1, { content })])]);
    const [ticket] = await listQuarantine(hub.db);
    expect(ticket?.faults.map(({ code }) => code)).toContain('RECORD_REVERTED');
    const { state } = await retryQuarantine(hub, ticket?.id ?? 0, { by: 'shell:test', reason: '处室确认' });
    expect(state).toBe('mended');
    expect(await versionsOf(hub)).toHaveLength(3);
    expect(await listQuarantine(hub.db)).toEqual([]);
  });

  test('two contents for one record in one page are both set aside; revision times order them', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const undated = await pullPages(hub, [page([row(1), row(1, { content: '另一内容' })])]);
    expect(undated.counts).toEqual({ read: 2, accepted: 0, unchanged: 0, quarantined: 2 });
    const dated = [
      row(2, { content: '后', revised: '2026-11-22 08:00:00' }),
      row(2, { revised: '2026-11-21 08:00:00' }),
    ];
    expect((await pullPages(hub, [page(dated)])).counts).toMatchObject({ accepted: 2 });
    const [record] = await findRecords(hub.db, { numbers: ['（桂）印证字第450000002号'] });
    expect(await ledgerOf(hub.db, [record?.id ?? 0])).toMatchObject([{ version: 1 }, { version: 2 }]);
  });

  test('the same row twice in a page is one version', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    expect((await pullPages(hub, [page([row(1), row(1)])])).counts).toEqual({
      read: 2,
      accepted: 1,
      unchanged: 1,
      quarantined: 0,
    });
  });

  test('a row id that stands for two records in one page is corrected in the order of revision, or held for a person', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const a = row(1, { revised: '2026-11-19 08:00:00' });
    const b = row(1, { number: '（桂）印证字第450000101号', revised: '2026-11-20 08:00:00' });
    const c = row(1, { number: '（桂）印证字第450000102号', revised: '2026-11-21 08:00:00' });
    await pullPages(hub, [page([a])]);
    expect((await pullPages(hub, [page([c, b])])).counts).toMatchObject({ accepted: 2, quarantined: 0 });
    expect(await liveNumbers(hub)).toEqual([c['number']]);
    const undated = [row(2), row(2, { number: '（桂）印证字第450000103号' })];
    expect((await pullPages(hub, [page(undated)])).faults).toEqual(new Map([['RECORD_AMBIGUOUS', 2]]));
    await pullPages(hub, [page([row(3)])]);
    const besideKnown = [row(3), row(3, { number: '（桂）印证字第450000104号' })];
    expect((await pullPages(hub, [page(besideKnown)])).faults).toEqual(new Map([['RECORD_AMBIGUOUS', 1]]));
    expect(await liveNumbers(hub)).toEqual([row(3)['number'], c['number']]);
  });

  test('an older row never withdraws the record that its corrected key made', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    await pullPages(hub, [page([row(1, { revised: '2026-11-21 08:00:00' })])]);
    const late = row(1, { number: '（桂）印证字第450000101号', revised: '2026-11-20 08:00:00' });
    expect((await pullPages(hub, [page([late])])).faults).toEqual(new Map([['RECORD_STALE', 1]]));
    expect(await liveNumbers(hub)).toEqual([row(1)['number']]);
  });

  test('row ids that the bureau gives out anew withdraw nothing, neither at once nor when a record changes later', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const [one, two] = [row(1), row(2)];
    await pullPages(hub, [page([one, two])]);
    const moved = [
      { ...one, id: 'row-9' },
      { ...two, id: 'row-1' },
    ];
    expect((await pullPages(hub, [page(moved)])).counts).toMatchObject({ unchanged: 2 });
    await pullPages(hub, [page([{ ...two, id: 'row-1', content: '包装装潢印刷' }])]);
    const swapped = [
      { ...one, id: 'row-1', content: '新' },
      { ...two, id: 'row-9', content: '新' },
    ];
    expect((await pullPages(hub, [page(swapped)])).counts).toMatchObject({ accepted: 2 });
    expect(await liveNumbers(hub)).toEqual([one['number'], two['number']]);
    expect(await versionsOf(hub)).toHaveLength(5);
  });

  test('a row that stands twice beside its newer state is no ambiguity', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const before = row(1, { revised: '2026-11-20 08:00:00' });
    const after = row(1, { content: '新', revised: '2026-11-21 08:00:00' });
    const { counts } = await pullPages(hub, [page([before, before, after])]);
    expect(counts).toEqual({ read: 3, accepted: 2, unchanged: 1, quarantined: 0 });
  });

  test('a bad row waits with its faults, division and exact bytes, and is mended by the corrected one', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const bad = row(1, { code: '91440300708461136U' });
    await pullPages(hub, [page([bad])]);
    await pullPages(hub, [page([bad])]);
    const [ticket, more] = await listQuarantine(hub.db);
    expect(more).toBeUndefined();
    expect(ticket).toMatchObject({
      division: '印刷发行处',
      stage: 'intake',
      timesSeen: 2,
      name: '南宁某某印刷第1有限公司',
    });
    expect(ticket?.faults[0]?.zh).toMatch(/校验/);
    expect((await showQuarantine(hub.db, ticket?.id ?? 0))?.raw?.toString()).toBe(JSON.stringify(bad));
    await pullPages(hub, [page([row(1)])]);
    expect(await listQuarantine(hub.db)).toEqual([]);
    expect(await listQuarantine(hub.db, { state: 'mended' })).toHaveLength(1);
  });

  test('a corrected key field withdraws the old record first and links the new one', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    await pullPages(hub, [page([row(1)])]);
    const counts = (await pullPages(hub, [page([row(1, { number: '（桂）印证字第459999999号' })])])).counts;
    expect(counts).toEqual({ read: 1, accepted: 1, unchanged: 0, quarantined: 0 });
    expect(await versionsOf(hub)).toMatchObject([
      { version: 1, operation: 'UPSERT' },
      { version: 2, operation: 'WITHDRAW' },
      { version: 1, operation: 'UPSERT' },
    ]);
    const [now] = await findRecords(hub.db, { numbers: ['（桂）印证字第459999999号'] });
    const [before] = await findRecords(hub.db, { numbers: ['（桂）印证字第450000001号'] });
    expect(now?.predecessorId).toBe(before?.id);
    expect(before?.successorId).toBe(now?.id);
  });

  test('a refused page keeps what came before it, with the cursor there', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const good = page([row(1)]);
    const refused = new HubError('SOURCE_NOT_DATA', 'HTML', { remedy: 'give-up', fix: '…' });
    const { counts, stopped } = await pullPages(hub, [good, refused, page([row(2)])]);
    expect(counts.accepted).toBe(1);
    expect(stopped?.code).toBe('SOURCE_NOT_DATA');
    expect((await readCursor(hub.db, 'pull-printing'))?.value).toEqual(good.cursor);
  });

  test('a snapshot that shrinks by more than a twentieth is held before anything is written', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const rows = Array.from({ length: 40 }, (_, index) => row(index + 1));
    await pullPages(hub, [page(rows, whole(40))]);
    const shrunk = page(rows.slice(0, 37), whole(37));
    expect((await pullPages(hub, [shrunk])).stopped?.code).toBe('SOURCE_SHRUNK');
    expect((await pullPages(hub, [page([], whole(0))])).stopped?.code).toBe('SOURCE_SHRUNK');
    expect((await pullPages(hub, [page(rows.slice(0, 38), whole(38))])).stopped).toBeUndefined();
    expect((await pullPages(hub, [shrunk], { acceptShrink: true })).counts.unchanged).toBe(37);
  });

  test('a snapshot whose size only its end shows is held too, and nothing is withdrawn', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const rows = Array.from({ length: 40 }, (_, index) => row(index + 1));
    await pullPages(hub, [page(rows, { snapshot: { before: 0, last: true } })]);
    expect((await pullPages(hub, [page([], { snapshot: { before: 0, last: true } })])).stopped?.code).toBe(
      'SOURCE_SHRUNK',
    );
    expect(await select(hub.db, "SELECT id FROM records WHERE newest_operation = 'WITHDRAW'")).toEqual([]);
  });

  test('a rehearsal writes nothing', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const { counts } = await pullPages(hub, [page([row(1), row(2, { code: '无效' })])], { dryRun: true });
    expect(counts).toEqual({ read: 2, accepted: 1, unchanged: 0, quarantined: 1 });
    for (const table of ['records', 'versions', 'intakes', 'quarantine', 'cursors'])
      expect(await hub.db(table)).toEqual([]);
  });

  test('a manual re-read of a range leaves the live cursor where it is', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    const live = page([row(1)]);
    await pullPages(hub, [live]);
    await pullPages(hub, [page([row(2)])], { since: '2026-11-01' });
    expect((await readCursor(hub.db, 'pull-printing'))?.value).toEqual(live.cursor);
    expect(await versionsOf(hub)).toHaveLength(2);
  });

  test('a revoked licence becomes a withdrawal', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    await pullPages(hub, [page([row(1)])]);
    await pullPages(hub, [page([row(1, { status: 'revoked', ended: '2026-11-25' })])]);
    expect(await versionsOf(hub)).toMatchObject([{ operation: 'UPSERT' }, { operation: 'WITHDRAW' }]);
  });

  test('a waived ticket is closed with its reason in the log', async () => {
    const hub = await openTestHub(await url(), [pullJob()]);
    await pullPages(hub, [page([row(1, { code: '无效' })])]);
    const [ticket] = await listQuarantine(hub.db);
    expect(await waiveQuarantine(hub.db, ticket?.id ?? 0, { by: 'shell:test', reason: '已注销' })).toBe('waived');
    expect(await logged(hub.db, 'quarantine.')).toMatchObject([{ action: 'quarantine.waived', actor: 'shell:test' }]);
    await expect(waiveQuarantine(hub.db, ticket?.id ?? 0, { by: 'x', reason: 'y' })).rejects.toThrow('已处理');
  });
});
