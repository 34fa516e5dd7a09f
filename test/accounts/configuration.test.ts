import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { approvedSetup, changesBehind, heldChanges, letInApproved } from '../../src/accounts/approved-setup.ts';
import { approvedEnvironment, changedSettings, readItems } from '../../src/accounts/configuration-items.ts';
import { claim, decide } from '../../src/accounts/requests.ts';
import { confirmImport, confirmShrink } from '../../src/accounts/source-approvals.ts';
import { readSetup } from '../../src/cli/setup.ts';
import { SetupError } from '../../src/errors.ts';
import type { Setup } from '../../src/hub-context.ts';
import type { Environment } from '../../src/settings.ts';
import type { Db } from '../../src/store/database.ts';
import { listRequests } from '../../src/store/requests.ts';
import { certificate } from '../support/certificate.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { account, actions, codeOf, NOW, PASSWORD, principal } from './support.ts';

const root = join(import.meta.dirname, '../..');

const pushJob = (batchSize: number): string => `kind: push
title: { zh: 报送, en: Push }
platform: { use: http, url: "\${CREDIT_URL}", auth: { bearer: "\${CREDIT_TOKEN}" }, batchSize: ${batchSize} }
types: { "licence/*": credit-sharing/licence-2018 }
`;

/** A folder with one push job, and what a start there makes of it. */
function machine(change: Environment = {}) {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'jobs'));
  const file = join(dir, 'jobs/push-credit-sharing.yaml');
  const write = (text: string): void => writeFileSync(file, text);
  write(pushJob(100));
  const env: { [name: string]: string | undefined } = {
    HUB_APPROVALS: 'on',
    HUB_JOBS_DIR: join(dir, 'jobs'),
    HUB_DATA_DIR: join(dir, 'data'),
    HUB_SCHEMAS_DIR: join(root, 'schemas'),
    CREDIT_URL: 'https://credit.example.gov.cn/api',
    CREDIT_TOKEN: 'canary-7f3a',
    SUDO_USER: 'somebody',
    ...change,
  };
  const start = async (db: Db) => {
    const { faults: _, ...setup } = readSetup(env);
    const { setup: running, held } = await approvedSetup<Setup>(db, setup, NOW);
    const [job] = running.jobs;
    const platform = job?.kind === 'push' && job.platform.use === 'http' ? job.platform : undefined;
    return { jobs: running.jobs.map(({ name }) => name), batchSize: platform?.batchSize, url: platform?.url, held };
  };
  return { dir, env, file, write, start, check: (db: Db) => heldChanges(db, readSetup(env)) };
}

onBothDatabases('the approved set-up', ({ url }) => {
  const open = async () => {
    const db = await openTestDatabase(await url());
    await account(db, 'chief', 'sysadmin');
    await account(db, 'nong', 'approver');
    const decided = async (id = 0) =>
      decide(db, id, { principal: await principal(db, 'nong'), approve: true, reason: '同意', now: NOW });
    const claimed = (id = 0) => claim(db, id, { by: 'user:wei', reason: '我改的', now: NOW });
    /** Who changed it says so, somebody else says yes. */
    const yes = async (id = 0) => {
      await claimed(id).catch(() => undefined);
      return decided(id);
    };
    return { db, yes, decided, claimed };
  };

  test('the first set is let in as it is, and logged as break-glass', async () => {
    const { db } = await open();
    const { start } = machine();
    expect(await start(db)).toMatchObject({ batchSize: 100, held: undefined });
    expect(await start(db)).toMatchObject({ batchSize: 100, held: undefined });
    expect((await actions(db)).filter((action) => action.startsWith('configuration.'))).toEqual([
      'configuration.approved',
    ]);
  });

  test('a changed job runs on its approved copy until a second person says yes; asking again asks once', async () => {
    const { db, yes } = await open();
    const here = machine();
    await here.start(db);
    here.write(pushJob(7));
    const held = { changed: ['jobs/push-credit-sharing.yaml'], request: 1, standing: 'unclaimed' };
    expect(await here.check(db)).toEqual({ ...held, request: undefined, standing: 'unasked' });
    expect(await here.start(db)).toEqual({
      jobs: ['push-credit-sharing'],
      batchSize: 100,
      url: here.env['CREDIT_URL'],
      held,
    });
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held });
    expect(await here.check(db)).toEqual(held);
    await yes(1);
    expect(await here.start(db)).toMatchObject({ batchSize: 7, held: undefined });
    expect(await here.start(db)).toMatchObject({ batchSize: 7, held: undefined });
    expect(readdirSync(join(here.dir, 'data'))).toEqual([]);
  });

  test('a change is nobody’s until somebody claims it, whoever started the hub', async () => {
    const { db, decided, claimed } = await open();
    const here = machine({ HUB_USER: 'wei' });
    await here.start(db);
    here.write(pushJob(7));
    expect(await here.start(db)).toMatchObject({ held: { request: 1, standing: 'unclaimed' } });
    expect(await here.start(db)).toMatchObject({ held: { request: 1, standing: 'unclaimed' } });
    expect(await codeOf(decided(1))).toBe('APPROVAL_NAMELESS');
    await claimed(1);
    expect(await here.check(db)).toMatchObject({ request: 1, standing: 'claimed' });
    await decided(1);
    expect(await here.check(db)).toMatchObject({ request: 1, standing: 'approved' });
    expect(await here.start(db)).toMatchObject({ batchSize: 7, held: undefined });
  });

  test('the yes itself lets the set in, so that a calendar imported next is asked for alone', async () => {
    const { db, yes } = await open();
    const schemas = join(temporaryFolder(), 'schemas');
    cpSync(join(root, 'schemas'), schemas, { recursive: true });
    const here = machine({ HUB_SCHEMAS_DIR: schemas });
    await here.start(db);
    here.write(pushJob(7));
    await here.start(db);
    const said = { request: await yes(1), by: 'user:nong', now: NOW };
    expect(await letInApproved(db, readSetup(here.env), said)).toBe(true);
    expect(await here.check(db)).toBeUndefined();
    const calendar = join(schemas, 'calendar.json');
    writeFileSync(calendar, `${readFileSync(calendar, 'utf8')}\n`);
    expect(await here.start(db)).toMatchObject({
      batchSize: 7,
      held: { changed: ['schemas/calendar.json'], request: 2, standing: 'unclaimed' },
    });
  });

  test('the yes lets nothing in that is not what was asked for, or has faults', async () => {
    const { db, yes } = await open();
    const here = machine();
    await here.start(db);
    here.write('kind: psuh\n');
    await here.start(db);
    const broken = { request: await yes(1), by: 'user:nong', now: NOW };
    expect(await letInApproved(db, readSetup(here.env), broken)).toBe(false);
    here.write(pushJob(8));
    expect(await letInApproved(db, readSetup(here.env), broken)).toBe(false);
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held: { request: 2 } });
  });

  test('a job that was taken away goes on, and a new one waits', async () => {
    const { db } = await open();
    const here = machine();
    await here.start(db);
    rmSync(here.file);
    writeFileSync(join(here.dir, 'jobs/push-elsewhere.yaml'), pushJob(100));
    expect(await here.start(db)).toMatchObject({
      jobs: ['push-credit-sharing'],
      held: { changed: ['jobs/push-credit-sharing.yaml', 'jobs/push-elsewhere.yaml'] },
    });
  });

  test('a changed platform address in the environment waits too, and nothing secret is kept', async () => {
    const { db, yes } = await open();
    const here = machine();
    await here.start(db);
    here.env['CREDIT_URL'] = 'https://elsewhere.example/api';
    expect(await here.start(db)).toMatchObject({
      url: 'https://credit.example.gov.cn/api',
      held: { changed: ['settings'] },
    });
    const [request] = await listRequests(db);
    expect(request?.detail['settings']).toEqual({
      CREDIT_URL: ['https://credit.example.gov.cn/api', 'https://elsewhere.example/api'],
    });
    here.env['CREDIT_TOKEN'] = 'canary-9b1c';
    await yes(request?.id);
    expect(await here.start(db)).toMatchObject({ url: 'https://elsewhere.example/api', held: undefined });
    const items = readItems({ jobsDir: join(here.dir, 'jobs'), schemasDir: '/nowhere', env: here.env });
    expect(JSON.stringify([...items])).not.toContain('canary');
  });

  test('a broken file stops nothing: the approved copy runs; approved or not, it is never let in', async () => {
    const { db, yes } = await open();
    const here = machine();
    await here.start(db);
    here.write('kind: psuh\n');
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held: { request: 1 } });
    await yes(1);
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held: { request: 1 } });
    const fresh = machine();
    fresh.write('kind: psuh\n');
    const other = await openTestDatabase(await url());
    await expect(fresh.start(other)).rejects.toBeInstanceOf(SetupError);
  });

  test('an upload template that a job names is part of the set: a changed one waits, the approved bytes are used', async () => {
    const { db, yes } = await open();
    const here = machine();
    const template = join(here.dir, 'template.xlsx');
    writeFileSync(template, 'first');
    here.write(`kind: push
title: { zh: 上传, en: Upload }
platform: { use: excel, folder: ${here.dir}, template: ${template} }
types: { "licence/*": credit-sharing/licence-2018 }
`);
    const start = async () => {
      const { setup, held } = await approvedSetup<Setup>(db, readSetup(here.env), NOW);
      return { used: setup.approvedFiles?.get(template)?.toString(), changed: held?.changed };
    };
    expect(await start()).toEqual({ used: undefined, changed: undefined });
    writeFileSync(template, 'other columns');
    expect(await start()).toEqual({ used: 'first', changed: [`files/${template}`] });
    const [request] = await listRequests(db, { states: ['open'] });
    const [change] = (await changesBehind(db, readSetup(here.env), request ?? { digest: '' })) ?? [];
    expect(change).toMatchObject({ before: expect.stringMatching(/^sha256 [0-9a-f]{64}/), after: expect.anything() });
    await yes(request?.id);
    expect(await start()).toEqual({ used: undefined, changed: undefined });
  });

  test('a root that a job trusts is part of the set: the approved one is trusted until a second person says yes', async () => {
    const { db, yes } = await open();
    const here = machine();
    const [root, others] = [certificate(), certificate()];
    const ca = join(here.dir, 'root.pem');
    writeFileSync(ca, root.cert);
    here.write(pushJob(100).replace('batchSize: 100', `tls: { ca: ${ca} }`));
    const start = async () => {
      const { setup, held } = await approvedSetup<Setup>(db, readSetup(here.env), NOW);
      const [job] = setup.jobs;
      const tls = job?.kind === 'push' && job.platform.use === 'http' ? job.platform.tls : undefined;
      return { ca: tls?.ca, changed: held?.changed };
    };
    expect(await start()).toEqual({ ca, changed: undefined });
    writeFileSync(ca, others.cert);
    expect(await start()).toEqual({ ca: root.cert, changed: [`files/${ca}`] });
    await yes((await listRequests(db, { states: ['open'] }))[0]?.id);
    expect(await start()).toEqual({ ca, changed: undefined });
  });

  test('a newer change makes the older question void, with its approval', async () => {
    const { db, yes } = await open();
    const here = machine();
    await here.start(db);
    here.write(pushJob(7));
    await here.start(db);
    await yes(1);
    here.write(pushJob(8));
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held: { request: 2 } });
    expect(await codeOf(yes(1))).toBe('APPROVAL_CLOSED');
    here.write(pushJob(7));
    expect(await here.start(db)).toMatchObject({ batchSize: 100, held: { request: 3 } });
  });

  test('a change while approvals are off is noted, and is not approved when they are on again', async () => {
    const { db } = await open();
    const here = machine();
    await here.start(db);
    here.env['HUB_APPROVALS'] = 'off';
    here.write(pushJob(7));
    expect(await here.start(db)).toMatchObject({ batchSize: 7 });
    await here.start(db);
    expect((await actions(db)).filter((action) => action === 'configuration.unguarded')).toHaveLength(1);
    here.env['HUB_APPROVALS'] = 'on';
    expect(await here.start(db)).toMatchObject({
      batchSize: 100,
      held: { changed: ['jobs/push-credit-sharing.yaml'] },
    });
  });

  test('without approvals nothing is kept and nothing is asked', async () => {
    const { db } = await open();
    const { start } = machine({ HUB_APPROVALS: 'off' });
    expect(await start(db)).toMatchObject({ batchSize: 100 });
    expect(await db('configurations')).toEqual([]);
  });

  test('what shrank and what a person brought by hand are confirmed by a second person, once', async () => {
    const { db, yes } = await open();
    const asks = { by: 'user:wei', reason: '年度清理', now: NOW };
    const works = [
      () => confirmShrink(db, 'pull-penalties', asks),
      () => confirmImport(db, { job: 'pull-penalties', sha256: 'ab'.repeat(32), rows: 12 }, asks),
    ];
    for (const [index, work] of works.entries()) {
      expect(await codeOf(work())).toBe('APPROVAL_OPEN');
      const [request] = await listRequests(db, { states: ['open'] });
      await yes(request?.id);
      expect(await work()).toMatchObject({ state: 'approved', kind: ['source.shrink', 'source.import'][index] });
      expect(await codeOf(work())).toBe('APPROVAL_OPEN');
      await yes((await listRequests(db, { states: ['open'] }))[0]?.id);
      await work();
    }
  });
});

test('a value that a job puts where a secret stands is not kept, whatever its name', () => {
  const dir = temporaryFolder();
  writeFileSync(
    join(dir, 'pull-x.yaml'),
    'source: { use: http, url: "${FAR}", auth: { bearer: "${PASS_PHRASE_OF_X}" } }\n',
  );
  const env = { FAR: 'https://far.example', PASS_PHRASE_OF_X: 'canary-51f0' };
  const items = readItems({ jobsDir: dir, schemasDir: '/nowhere', env, secrets: ['canary-51f0'] });
  expect(items.get('settings')).toBe('{"FAR":"https://far.example"}');
});

test('a password inside an address is neither kept nor a change; its host is one', () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'pull-x.yaml'), 'source: { use: sql, database: "${OLD_DB}" }\n');
  const at = (value: string) => readItems({ jobsDir: dir, schemasDir: '/nowhere', env: { OLD_DB: value } });
  const approved = at(`mysql://reader:${PASSWORD}@10.1.2.3/old`);
  expect(JSON.stringify([...approved])).not.toContain(PASSWORD);
  expect(changedSettings(approved, at('mysql://reader:another@10.1.2.3/old'))).toEqual({});
  const moved = at('mysql://reader:another@10.9.9.9/old');
  expect(Object.keys(changedSettings(approved, moved))).toEqual(['OLD_DB']);
  const env = approvedEnvironment(approved, moved, { OLD_DB: 'mysql://reader:another@10.9.9.9/old', PATH: '/bin' });
  expect(env).toEqual({ OLD_DB: 'mysql://reader:another@10.1.2.3/old', PATH: '/bin' });
  expect(readFileSync(join(dir, 'pull-x.yaml'), 'utf8')).toContain('OLD_DB');
});
