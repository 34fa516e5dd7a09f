import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freshDemoFolder, writeDemoSettings } from '../../src/cli/demo-folder.ts';
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
