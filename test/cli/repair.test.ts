import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inTransaction, select } from '../../src/store/database.ts';
import { keepNotice } from '../../src/store/withdrawals.ts';
import { machine } from '../accounts/machine.ts';
import { openBench } from '../periods/bench.ts';
import { onBothDatabases } from '../support/databases.ts';
import { row } from '../support/hub.ts';

const pushJob = `kind: push
title: { zh: 报送, en: Push }
platform: { use: http, url: "http://127.0.0.1:9", auth: { bearer: "\${FAR_TOKEN}" } }
types: { "licence/*": credit-sharing/licence-2018 }
`;

onBothDatabases('hub repair on', ({ url }) => {
  test('a notice number that stands for one record is refused for another, and nothing is entered', async () => {
    const at = await url();
    const { take, hub: opened } = await openBench(at);
    await take('2026-12-03T18:00:00Z', row(1), row(2));
    const { cwd, hub } = machine(at, { FAR_TOKEN: 'x'.repeat(20) });
    writeFileSync(join(cwd, 'jobs/push-credit-sharing.yaml'), pushJob);
    const repair = (number: unknown, notice: string) =>
      hub(`repair ${number} --platform credit-sharing --notice ${notice} --decided 2026-11-20 --reason 通知书 --json`);
    const [one, two] = [row(1)['number'], row(2)['number']];
    expect(await repair(one, 'N1')).toMatchObject({ code: 0, out: expect.stringContaining('"applied"') });
    expect(await repair(one, 'N1')).toMatchObject({ code: 0, out: expect.stringContaining('"repeated"') });
    const other = await repair(two, 'N1');
    expect([other.code, JSON.parse(other.out).error]).toMatchObject([1, { code: 'NOTICE_ELSEWHERE' }]);
    expect(other.err).toContain(`登记的是 ${one}，不是 ${two}`);
    expect(await repair(two, 'N1-2')).toMatchObject({ code: 0, out: expect.stringContaining('"applied"') });
    const kept = await select(opened.db, 'SELECT notice_id AS id FROM notices ORDER BY notice_id');
    expect(kept).toEqual([{ id: 'N1' }, { id: 'N1-2' }]);
  });

  test('a notice that could not be read is entered by its number, once, and its words stay', async () => {
    const at = await url();
    const { take, hub: opened } = await openBench(at);
    await take('2026-12-03T18:00:00Z', row(1));
    const unreadable = { recordId: undefined, unreadable: true, decidedOn: '2026-12-01', reason: '{"id":' } as const;
    await inTransaction(opened.db, (tx) =>
      keepNotice(tx, { platform: 'credit-sharing', noticeId: 'sha256:abc', ...unreadable, now: opened.now() }),
    );
    const { cwd, hub } = machine(at, { FAR_TOKEN: 'x'.repeat(20) });
    writeFileSync(join(cwd, 'jobs/push-credit-sharing.yaml'), pushJob);
    const words = `--platform credit-sharing --notice sha256:abc --decided 2026-11-20 --reason 通知书 --json`;
    const repair = () => hub(`repair ${row(1)['number']} ${words}`);
    expect(await repair()).toMatchObject({ code: 0, out: expect.stringContaining('"applied"') });
    expect(await repair()).toMatchObject({ code: 0, out: expect.stringContaining('"repeated"') });
    const sql = `SELECT s.cause, s.since, s.reason, n.state, n.decided_on AS "decidedOn", n.reason AS words
      FROM suppressions s JOIN notices n ON n.record_id = s.record_id`;
    expect(await select(opened.db, sql)).toEqual([
      {
        cause: 'repair',
        since: '2026-11-20',
        reason: '通知书',
        state: 'applied',
        decidedOn: '2026-11-20',
        words: '{"id":',
      },
    ]);
  });
});
