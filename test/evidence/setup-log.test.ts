import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logSetup } from '../../src/accounts/log-setup.ts';
import { sha256 } from '../../src/canonical.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { openTestHub } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import { AT } from './log-fixture.ts';

onBothDatabases('the set-up in the log of', ({ url }) => {
  test('is told once, and again only where a file or a setting has changed, with both digests', async () => {
    const address = await url();
    const db = await openTestDatabase(address);
    const { settings } = await openTestHub(address, []);
    const [jobsDir, schemasDir] = [join(temporaryFolder(), 'jobs'), temporaryFolder()];
    mkdirSync(jobsDir);
    writeFileSync(join(jobsDir, 'pull-a.yaml'), 'kind: pull\n');
    const start = (env: { [name: string]: string } = {}) => {
      const source = {
        env,
        by: 'shell:test',
        faults: [],
        readAgain: () => Promise.reject(new Error('not asked')) as never,
      };
      return logSetup(db, { settings: { ...settings, jobsDir, schemasDir }, source }, AT);
    };
    await start();
    await start();
    writeFileSync(join(jobsDir, 'pull-a.yaml'), 'kind: pull\n# changed\n');
    await start();
    await start({ HUB_ID: 'another' });
    const told = await logged(db, 'setup.');
    expect(told.map(({ action }) => action)).toEqual(['setup.first', 'setup.changed', 'setup.changed']);
    expect(told[1]?.evidence).toMatchObject({
      changed: ['jobs/pull-a.yaml'],
      before: { 'jobs/pull-a.yaml': sha256('kind: pull\n') },
      after: { 'jobs/pull-a.yaml': sha256('kind: pull\n# changed\n') },
    });
    expect(told[2]?.evidence['changed']).toEqual(['settings']);
  });
});
