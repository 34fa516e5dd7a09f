import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/databases.ts';

const root = join(import.meta.dirname, '../..');

const push = (due: string): string => `kind: push
title: { zh: 报送, en: Push }
duty: { basis: 实施方案七(三), every: friday, start: "09:00", due: "${due}", grace: 1d, goLive: 2026-12-04 }
platform: { use: excel, folder: upload }
types: { "licence/*": credit-sharing/licence-2018 }
`;

test('a forecast of days that nobody has approved says so', async () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'jobs'));
  const write = (due: string): void => writeFileSync(join(cwd, 'jobs/push-uploads.yaml'), push(due));
  const env = { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas'), HUB_APPROVALS: 'on' };
  const hub = async (...words: string[]) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [join(root, 'src/hub.js'), ...words], { cwd, env, stdio: [...stdio] });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { out, err };
  };
  write('18:00');
  await hub('migrate');
  await hub('duty');
  expect((await hub('forecast')).err).not.toContain('已改但未批准');
  write('17:00');
  const changed = await hub('forecast', '--json');
  expect(JSON.parse(changed.out)[0].due).toMatch(/17:00$/);
  expect(changed.err).toContain('已改但未批准');
  expect(JSON.parse(changed.out)[0].inForce).toBe(false);
  const approved = await hub('forecast', '--approved', '--json');
  expect(JSON.parse(approved.out)[0]).toMatchObject({ due: expect.stringMatching(/18:00$/), inForce: true });
  writeFileSync(join(cwd, 'jobs/push-elsewhere.yaml'), push('18:00'));
  rmSync(join(cwd, 'jobs/push-uploads.yaml'));
  const jobs = await hub('jobs', '--json');
  expect(JSON.parse(jobs.out)).toMatchObject([
    { name: 'push-elsewhere', waits: 'new' },
    { name: 'push-uploads', waits: 'removed' },
  ]);
  expect(jobs.err).toContain('已改但未批准');
  write('17:00');
  rmSync(join(cwd, 'jobs/push-elsewhere.yaml'));
  expect(JSON.parse((await hub('jobs', '--json')).out)).toMatchObject([{ name: 'push-uploads', waits: 'changed' }]);
  write('18:00');
  expect(JSON.parse((await hub('jobs', '--json')).out)).toMatchObject([{ name: 'push-uploads', waits: null }]);
});
