import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshDemoFolder, writeDemoSettings } from '../../src/cli/demo-folder.ts';
import { NO_SETTINGS, readEnvironment, readSettings } from '../../src/settings.ts';
import { temporaryFolder } from '../support/databases.ts';

test('a shell that reads the settings of the demo hands them on word for word, and nobody else may read them', () => {
  const dir = temporaryFolder();
  freshDemoFolder(dir);
  const env = { FAR_URL: 'http://127.0.0.1:9/a?b=$HOME&c', FAR_SECRET: `it's "a" \`b\` \\ ; c`, HUB_ID: '演示 demo' };
  const file = writeDemoSettings(dir, env);
  const words = `set -a; . '${file}'; set +a; exec '${process.execPath}' -p 'JSON.stringify(process.env)'`;
  const seen = JSON.parse(execFileSync('sh', ['-c', words], { encoding: 'utf8', env: { PATH: process.env['PATH'] } }));
  expect(seen).toMatchObject(env);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("nothing of an operator's own .env is in force for the demo: no database, no alarm, no copy, no account", () => {
  const dir = temporaryFolder();
  const own = [
    'HUB_DATABASE_URL=mysql://hub:x@db/hub',
    'HUB_HEARTBEAT_URL=https://watch.example',
    'HUB_BACKUP_TO=/backup',
  ];
  writeFileSync(join(dir, '.env'), [...own, 'HUB_APPROVALS=on', 'HUB_SECOND_FACTOR=on', 'HUB_USER=wei'].join('\n'));
  const env = readEnvironment(dir, { ...NO_SETTINGS });
  expect(readSettings(env)).toEqual(readSettings({}));
  expect(env['HUB_USER']).toBe('');
});
