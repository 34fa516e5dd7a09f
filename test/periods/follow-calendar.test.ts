import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claim, decide } from '../../src/accounts/requests.ts';
import { calendarFile } from '../../src/calendar/load-calendar.ts';
import { readSetup } from '../../src/cli/setup.ts';
import { openHub } from '../../src/hub-context.ts';
import { followCalendar } from '../../src/periods/follow-calendar.ts';
import { listRequests } from '../../src/store/requests.ts';
import { account, NOW, principal } from '../accounts/support.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';

const root = join(import.meta.dirname, '../..');
const DAY = '2027-03-17';

/** A service that runs while people enter a notice. */
async function service(url: string, approvals: 'on' | 'off') {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'jobs'));
  cpSync(join(root, 'schemas'), join(dir, 'schemas'), { recursive: true });
  const env = {
    ...{ HUB_JOBS_DIR: join(dir, 'jobs'), HUB_SCHEMAS_DIR: join(dir, 'schemas'), HUB_DATA_DIR: join(dir, 'data') },
    ...{ HUB_DATABASE_URL: url, HUB_APPROVALS: approvals, HUB_TRACE_LEVEL: 'error' },
  };
  const read = () => readSetup(env);
  const opened = await openHub(read(), { console: 'off', now: () => NOW });
  cleanUp(() => opened.close());
  const { hub, look } = followCalendar(opened, read);
  await look();
  const file = calendarFile(join(dir, 'schemas'));
  const enter = (): void => {
    const table = JSON.parse(readFileSync(file, 'utf8'));
    table.days.push({ date: DAY, kind: 'off', scope: 'guangxi', name: '测试放假', source: '测试通知' });
    writeFileSync(file, JSON.stringify(table));
  };
  return { hub, look, file, enter };
}

onBothDatabases('an imported calendar on', ({ url }) => {
  test('is taken by a running service at its next look; a broken file changes nothing', async () => {
    const { hub, look, file, enter } = await service(await url(), 'off');
    expect(hub.calendar.isWorkday(DAY)).toBe(true);
    enter();
    expect(hub.calendar.isWorkday(DAY)).toBe(true);
    await look();
    expect([hub.calendar.isWorkday(DAY), hub.calendar.nameOf(DAY)]).toEqual([false, '测试放假']);
    writeFileSync(file, '{ "days": ');
    await look();
    expect(hub.calendar.isWorkday(DAY)).toBe(false);
  });

  test('waits for the second person where approvals are on, and is taken right after the yes', async () => {
    const { hub, look, enter } = await service(await url(), 'on');
    await account(hub.db, 'chief', 'sysadmin');
    await account(hub.db, 'nong', 'approver');
    enter();
    await look();
    expect(hub.calendar.isWorkday(DAY)).toBe(true);
    const [request] = await listRequests(hub.db, { kind: 'configuration', states: ['open'] });
    expect(request).toMatchObject({ askedBy: 'hub' });
    const id = request?.id ?? 0;
    await claim(hub.db, id, { by: 'user:wei', reason: '国办通知', now: NOW });
    await decide(hub.db, id, { principal: await principal(hub.db, 'nong'), approve: true, reason: '已核对', now: NOW });
    await look();
    expect(hub.calendar.isWorkday(DAY)).toBe(false);
  });
});
