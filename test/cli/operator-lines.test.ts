import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { confirmDivision } from '../../src/periods/confirm-division.ts';
import { isDutyJob } from '../../src/periods/period-context.ts';
import { enterRepair } from '../../src/push/enter-repair.ts';
import { runJob } from '../../src/run-job.ts';
import { inTransaction, select } from '../../src/store/database.ts';
import { pausePlatform } from '../../src/store/stops.ts';
import { machine } from '../accounts/machine.ts';
import { type BenchOptions, lookAtSource, openBench } from '../periods/bench.ts';
import { temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';

const pushJob = `kind: push
title: { zh: 报送, en: Push }
duty: { basis: 实施方案七(三), every: friday, start: "09:00", due: "18:00", grace: 1d, goLive: 2026-12-04 }
platform: { use: http, url: "http://127.0.0.1:9/" }
types: { "licence/*": credit-sharing/licence-2018 }
`;

/** A bench, and the program of an operator on the same database. */
async function office(options: BenchOptions = {}) {
  const at = `sqlite:${join(temporaryFolder(), 'hub.db')}`;
  const b = await openBench(at, options);
  const { cwd, hub } = machine(at);
  writeFileSync(join(cwd, 'jobs/push-credit-sharing.yaml'), pushJob);
  return { ...b, say: async (words: string) => (await hub(words)).out };
}

test('hub duty leaves out what was unconfirmed where a later period carried it', async () => {
  const b = await office({ job: { confirm: { 'licence/*': 'required' } } });
  const job = b.hub.jobs.find(isDutyJob);
  if (job === undefined) throw new Error('no duty');
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring('2026-12-04T01:00:00Z');
  expect(await b.say('duty')).toMatch(/2026-W49.*未确认 1/);
  await b.ring('2026-12-11T01:00:00Z');
  const yes = { division: '印刷发行处', by: 'shell:test', reason: '已核对' };
  await confirmDivision(b.hub, job, { ...yes, period: '2026-W50' });
  await runJob(b.hub, job.name, { by: 'shell:test', signal: new AbortController().signal });
  const said = await b.say('duty');
  expect(said).toMatch(/2026-W49.*并入 2026-W50/);
  expect(said).not.toMatch(/未确认 \d/);
});

test('hub preview promises no withdrawal in a minute while the platform is paused', async () => {
  const b = await office();
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring('2026-12-04T01:00:00Z');
  const [record] = await select<{ key: Buffer }>(b.hub.db, 'SELECT record_key AS "key" FROM records');
  const repair = { noticeId: 'N1', decidedOn: '2026-12-03', reason: '通知书' };
  const recordKey = Buffer.from(record?.key ?? '').toString('hex');
  await enterRepair({ ...repair, recordKey }, 'credit-sharing', { ...b.hub, actor: 'shell:test' });
  expect(await b.say('preview')).toContain('撤下的 1 条不等这一期，服务运行时一分钟内送出');
  const pause = { kind: 'person', period: null, actor: 'shell:test', reason: '平台割接', now: b.hub.now() } as const;
  await inTransaction(b.hub.db, (tx) => pausePlatform(tx, 'credit-sharing', pause));
  const said = await b.say('preview');
  expect(said).toContain('撤下的 1 条也停着，恢复报送后一分钟内送出');
  expect(said).not.toContain('不等这一期');
});

test('hub runs says in whole words after how many rows a run went on', async () => {
  const b = await office();
  const counts = { read: 20, accepted: 20, unchanged: 0, quarantined: 0 };
  await lookAtSource(b.hub, { state: 'done', counts, goesOnAfter: 40 });
  expect(await b.say('runs')).toContain('接着中断处，此前已读 40 (goes on after 40)');
});
