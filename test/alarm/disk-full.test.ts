import { expect, test } from 'vitest';
import { type Check, MINUTE } from '../../src/alarm/check.ts';
import { newMemory, tend } from '../../src/alarm/tend.ts';
import { listAlarms } from '../../src/store/alarms.ts';
import { select } from '../../src/store/database.ts';
import { databases } from '../support/databases.ts';
import { NOW, openTestHub } from '../support/hub.ts';

const signal = new AbortController().signal;

const long = 'a long sentence about what happened '.repeat(2000);
const check: Check = {
  name: 'test',
  kinds: ['breaker'],
  everyMs: MINUTE,
  look: async () => [
    { subject: 'breaker:x', kind: 'breaker', level: 'urgent', zh: long, en: long, fixZh: 'x', fixEn: 'x' },
  ],
};

test('a database that is full ends no round, and the alarm is told once there is space again (F29)', async () => {
  const clock = { now: NOW };
  const hub = await openTestHub((await databases[0]?.url()) ?? '', [], clock);
  const [pages] = await select<{ page_count: number }>(hub.db, 'PRAGMA page_count');
  await select(hub.db, `PRAGMA max_page_count = ${pages?.page_count}`);
  expect((await tend(hub, newMemory(), signal, [check])).broken).toContain('test');
  expect(await listAlarms(hub.db, true)).toEqual([]);
  await select(hub.db, 'PRAGMA max_page_count = 1000000');
  expect((await tend(hub, newMemory(), signal, [check])).broken).toEqual([]);
  expect(await listAlarms(hub.db, true)).toMatchObject([{ state: 'open' }]);
});
