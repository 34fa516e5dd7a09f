import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { OutgoingBatch, Platform } from '../../src/platform.ts';
import type { SftpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform, wireFormOf } from '../../src/platforms/index.ts';
import { connectSftp } from '../../src/platforms/sftp-connection.ts';
import { sftpFiles } from '../../src/platforms/sftp-files.ts';
import { allowedHosts } from '../../src/wire/allowed-hosts.ts';
import { temporaryFolder } from '../support/databases.ts';
import { sealedBatch } from '../support/outgoing-batch.ts';
import { startSftpServer } from '../support/sftp-for-tests.ts';
import { PASSWORD, type SftpServerUnderTest } from '../support/sftp-server.ts';
import { sshdAvailable, startSshd } from '../support/sshd.ts';

const never = new AbortController().signal;

interface Bench {
  readonly folder: string;
  readonly server: SftpServerUnderTest;
  readonly spec: SftpPlatformSpec;
  readonly platform: Platform;
  readonly batch: OutgoingBatch;
  /** Name of the package. */
  readonly name: string;
  readonly at: (path: string) => string;
}

async function bench(change: Partial<SftpPlatformSpec> = {}): Promise<Bench> {
  const folder = temporaryFolder();
  for (const name of ['in', 'archive', 'receipts', 'done']) mkdirSync(join(folder, name));
  const server = await startSftpServer(folder);
  const spec: SftpPlatformSpec = {
    use: 'sftp',
    url: `sftp://127.0.0.1:${server.port}`,
    login: { user: 'hub', password: PASSWORD },
    hostKey: server.hostKey,
    folder: '/in',
    archiveFolder: '/archive',
    receiptFolder: '/receipts',
    timeout: 10,
    ...change,
  };
  const batch = await sealedBatch({ wire: wireFormOf(spec), count: 200 });
  const name = `credit-sharing_2026-W48_000001_${batch.batchId.slice(0, 8)}.zip`;
  return { folder, server, spec, platform: await open(spec), batch, name, at: (path) => join(folder, path) };
}

async function open(spec: SftpPlatformSpec): Promise<Platform> {
  const platform = await openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => new Date() });
  onTestFinished(() => platform.close());
  return platform;
}

test('a package gets its final name only when it is whole, and its .ok last', async () => {
  const { platform, batch, name, server, at } = await bench();
  const answer = await platform.send(batch, never);
  expect(answer).toMatchObject({ outcome: 'received', receiptId: `sftp:${name}` });
  expect(server.done).toEqual([
    `open /in/${name}.part`,
    `rename /in/${name}.part /in/${name}`,
    `open /in/${name}.ok.part`,
    `rename /in/${name}.ok.part /in/${name}.ok`,
  ]);
  expect(readFileSync(at(`in/${name}`)).equals(batch.body)).toBe(true);
  expect(JSON.parse(readFileSync(at(`in/${name}.ok`), 'utf8'))).toEqual({ sha256: batch.bodyDigest, count: 200 });
});

describe('what goes wrong before the rename is definite, and leaves nothing under the final name', () => {
  test('the connection is lost at half the file: only .part is there, it is deleted and sent anew', async () => {
    const { platform, batch, name, server, at } = await bench();
    server.faults.cutAfterBytes = batch.body.length / 2;
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent', page: false });
    expect(readdirSync(at('in'))).toEqual([`${name}.part`]);
    server.faults.cutAfterBytes = undefined;
    expect((await platform.query(batch, never)).outcome).toBe('absent');
    expect(readdirSync(at('in'))).toEqual([]);
    expect((await platform.send(batch, never)).outcome).toBe('received');
    expect(readFileSync(at(`in/${name}`)).equals(batch.body)).toBe(true);
  });

  test('the quota is full: the half file is removed', async () => {
    const { platform, batch, server, at } = await bench();
    server.faults.quotaBytes = batch.body.length / 2;
    const answer = await platform.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent', page: false });
    expect('reason' in answer && answer.reason).toContain('空间');
    expect(readdirSync(at('in'))).toEqual([]);
  });

  test('the rename is refused: nothing is left', async () => {
    const { platform, batch, server, at } = await bench();
    server.faults.refuseRename = true;
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent' });
    expect(readdirSync(at('in'))).toEqual([]);
  });

  test.each([
    ['lies about the size', { lieBytes: -1 }],
    ['reads back other bytes', { garbleReads: true }],
  ])('the server %s: the file is removed, never renamed', async (_, faults) => {
    const { platform, batch, server, at } = await bench();
    Object.assign(server.faults, faults);
    const answer = await platform.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent' });
    expect(readdirSync(at('in'))).toEqual([]);
    expect(server.done.some((line) => line.startsWith('rename'))).toBe(false);
  });

  test('the folder is missing: a person must mend it', async () => {
    const { platform, batch } = await bench({ folder: '/nowhere' });
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent', page: true });
  });
});

test('a file of that name with other content is a conflict and is not overwritten', async () => {
  const { platform, batch, name, at } = await bench();
  writeFileSync(at(`in/${name}`), 'not ours');
  expect((await platform.send(batch, never)).outcome).toBe('conflict');
  expect((await platform.query(batch, never)).outcome).toBe('conflict');
  expect(readFileSync(at(`in/${name}`), 'utf8')).toBe('not ours');
});

test('the answer to the rename is lost: asked again, it is there and gets its .ok', async () => {
  const { platform, batch, name, server, at } = await bench();
  server.faults.cutAfterRename = true;
  expect((await platform.send(batch, never)).outcome).toBe('unknown');
  expect(readdirSync(at('in'))).toEqual([name]);
  server.faults.cutAfterRename = false;
  expect((await platform.query(batch, never)).outcome).toBe('received');
  expect(readdirSync(at('in'))).toEqual([name, `${name}.ok`]);
});

test('killed while the .ok is written: nobody sees half of it, and the next question makes it whole', async () => {
  const { platform, batch, name, server, at } = await bench();
  server.faults.cutBeforeOk = true;
  await platform.send(batch, never);
  server.faults.cutBeforeOk = false;
  writeFileSync(at(`in/${name}.ok.part`), '{"sha2');
  expect((await platform.query(batch, never)).outcome).toBe('received');
  expect(readdirSync(at('in'))).toEqual([name, `${name}.ok`]);
  expect(JSON.parse(readFileSync(at(`in/${name}.ok`), 'utf8'))).toEqual({ sha256: batch.bodyDigest, count: 200 });
});

test('killed between rename and .ok: the next question writes the .ok', async () => {
  const { platform, batch, name, server, at } = await bench();
  server.faults.cutBeforeOk = true;
  expect((await platform.send(batch, never)).outcome).toBe('unknown');
  server.faults.cutBeforeOk = false;
  expect((await platform.query(batch, never)).outcome).toBe('received');
  expect(existsSync(at(`in/${name}.ok`))).toBe(true);
});

test('a receiver that takes the file at once is found in the archive', async () => {
  const { platform, batch, server, at } = await bench();
  Object.assign(server.faults, { takeAtOnce: true, cutAfterRename: true });
  expect((await platform.send(batch, never)).outcome).toBe('unknown');
  Object.assign(server.faults, { takeAtOnce: false, cutAfterRename: false });
  expect((await platform.query(batch, never)).outcome).toBe('received');
  expect(readdirSync(at('in'))).toEqual([]);
  expect((await platform.send(batch, never)).outcome).toBe('received');
  expect(readdirSync(at('in'))).toEqual([]);
});

describe('a file that is nowhere', () => {
  const lost = async (change: Partial<SftpPlatformSpec>) => {
    const { spec, server, batch, folder } = await bench();
    const { archiveFolder: _, ...rest } = spec;
    const platform = await open({ ...rest, ...change });
    server.faults.cutAfterRename = true;
    expect((await platform.send(batch, never)).outcome).toBe('unknown');
    server.faults.cutAfterRename = false;
    for (const name of readdirSync(join(folder, 'in'))) renameSync(join(folder, 'in', name), join(folder, name));
    return { platform, batch };
  };

  test('is not taken for undelivered: the receiver may have it', async () => {
    const { platform, batch } = await lost({});
    const answer = await platform.query(batch, never);
    expect(answer.outcome).toBe('unknown');
    expect('reason' in answer && answer.reason).toContain('可能已被对方取走');
  });

  test('is absent where the receiver takes one name once', async () => {
    const { platform, batch } = await lost({ receiverDedups: true });
    expect((await platform.query(batch, never)).outcome).toBe('absent');
  });

  test('was taken where it had been acknowledged before', async () => {
    const { platform, batch } = await lost({ receiverDedups: true });
    expect((await platform.query({ ...batch, acknowledged: true }, never)).outcome).toBe('received');
  });
});

describe('receipts of three levels', () => {
  const write = ({ name, at }: Bench, ending: string, content: string): void =>
    writeFileSync(at(`receipts/${name.replace(/\.zip$/, '')}${ending}`), content);
  const rows = ({ batch }: Bench, code = 'OK') => batch.idemKeys.map((rowId) => ({ rowId, resultCode: code }));

  test('level 1 is received, a passed level 2 too, a failed one refuses the whole package', async () => {
    const one = await bench();
    await one.platform.send(one.batch, never);
    write(one, '_1.json', JSON.stringify({ packageId: one.batch.batchId, receiptId: 'R1', receivedCount: 200 }));
    expect(await one.platform.query(one.batch, never)).toMatchObject({ outcome: 'received', receiptId: 'R1' });
    const second = `<receipt><packageId>${one.batch.batchId}</packageId><receiptId>R2</receiptId><level>2</level><resultCode>FORMAT_ERROR</resultCode><resultMsg>缺列</resultMsg></receipt>`;
    write(one, '_2.xml', second);
    const answer = await one.platform.query(one.batch, never);
    expect(answer).toMatchObject({ outcome: 'refused' });
    expect('reason' in answer && answer.reason).toContain('FORMAT_ERROR 缺列');
  });

  test('level 3 in JSON answers every record', async () => {
    const one = await bench();
    await one.platform.send(one.batch, never);
    const [first, ...rest] = rows(one);
    const results = [{ ...first, resultCode: 'LATE', resultMsg: '迟报' }, ...rest];
    write(one, '.json', JSON.stringify({ packageId: one.batch.batchId, receiptId: 'R3', receivedCount: 200, results }));
    const answer = await one.platform.query(one.batch, never);
    expect(answer).toMatchObject({ outcome: 'answered', receiptId: 'R3' });
    const verdicts = answer.outcome === 'answered' ? answer.verdicts : [];
    expect(verdicts).toHaveLength(200);
    expect(verdicts[0]).toMatchObject({ outcome: 'rejected', code: 'LATE', reason: '迟报' });
  });

  test('level 3 in CSV, by the platform’s own column names and row numbers', async () => {
    const one = await bench({ receipt: { columns: { rowNo: '行', code: '状态', message: '说明' }, accepted: ['0'] } });
    await one.platform.send(one.batch, never);
    const lines = one.batch.idemKeys.map((_, index) => `${index + 1},${index === 3 ? '4,"名称,不符"' : '0,'}`);
    write(one, '.csv', ['行,状态,说明', ...lines].join('\r\n'));
    const answer = await one.platform.query(one.batch, never);
    const rejected =
      answer.outcome === 'answered' ? answer.verdicts.filter(({ outcome }) => outcome === 'rejected') : [];
    expect(rejected).toEqual([{ idemKey: one.batch.idemKeys[3], outcome: 'rejected', code: '4', reason: '名称,不符' }]);
  });

  test('a receipt that lacks records is partial, one with strangers proves nothing', async () => {
    const one = await bench();
    await one.platform.send(one.batch, never);
    const results = rows(one).slice(1);
    write(one, '.json', JSON.stringify({ packageId: one.batch.batchId, receiptId: 'R', results }));
    expect(await one.platform.query(one.batch, never)).toMatchObject({ outcome: 'partial' });
    write(one, '.json', JSON.stringify({ receiptId: 'R', results: [...rows(one), { rowId: 'x', resultCode: 'OK' }] }));
    expect((await one.platform.query(one.batch, never)).outcome).toBe('unknown');
  });

  test.each([
    ['half a document', '{"packageId":"a","results":[{"rowId":'],
    ['a key twice', '{"receiptId":"R","results":[{"rowId":"a","rowId":"b","resultCode":"OK"}]}'],
    ['nothing', ''],
    ['a web page', '<html><body>login</body></html>'],
  ])('%s is unreadable: unknown, with a sentence', async (_, content) => {
    const one = await bench();
    await one.platform.send(one.batch, never);
    write(one, '.json', content);
    const answer = await one.platform.query(one.batch, never);
    expect(answer.outcome).toBe('unknown');
    expect('reason' in answer && answer.reason).toContain('回执');
  });

  test('receipts that nobody asked for are handed on and put aside when they were kept', async () => {
    const one = await bench({ receiptDoneFolder: '/done' });
    writeFileSync(
      one.at('receipts/zz_other.json'),
      JSON.stringify({ packageId: 'abc', receiptId: 'R9', receivedCount: 3 }),
    );
    const seen: string[] = [];
    for await (const stray of one.platform.strayReceipts?.(never) ?? []) {
      seen.push(`${stray.receiptId} ${stray.batchId} ${stray.level} ${stray.count}`);
      await stray.taken();
    }
    expect(seen).toEqual(['R9 abc 1 3']);
    expect(readdirSync(one.at('receipts'))).toEqual([]);
    expect(readdirSync(one.at('done'))).toEqual(['zz_other.json']);
  });

  test('without a receipts folder, handed over is all that can be said, and only where the job says so', async () => {
    const { spec } = await bench();
    const { receiptFolder: _, ...bare } = spec;
    const batch = await sealedBatch({ wire: wireFormOf(spec), first: 900 });
    const platform = await open({ ...bare, doneWhen: 'handed-over' });
    const answer = await platform.send(batch, never);
    expect(
      answer.outcome === 'answered' && answer.verdicts.map((one) => one.outcome === 'accepted' && one.code),
    ).toEqual(batch.idemKeys.map(() => 'HANDED_OVER'));
  });
});

describe('login', () => {
  test('a wrong password and a wrong host key are definite and need a person', async () => {
    const { spec, batch, at } = await bench();
    const wrong = await open({ ...spec, login: { user: 'hub', password: 'wrong' } });
    const refused = await wrong.send(batch, never);
    expect(refused).toMatchObject({ outcome: 'not-sent', page: true });
    expect(JSON.stringify(refused)).not.toContain('wrong"');
    const other = await open({ ...spec, hostKey: `SHA256:${'A'.repeat(43)}` });
    const answer = await other.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent', page: true });
    expect('reason' in answer && answer.reason).toContain('主机密钥变了');
    expect(readdirSync(at('in'))).toEqual([]);
  });

  test('nobody listens: definite, and waiting may help', async () => {
    const { spec, batch } = await bench();
    const platform = await open({ ...spec, url: 'sftp://127.0.0.1:1' });
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent', page: false });
    expect((await platform.query(batch, never)).outcome).toBe('unknown');
  });

  test('a host that is not allowed is never connected to', async () => {
    const { spec, batch } = await bench();
    const options = { name: 'p', allowedHosts: ['files.example.cn'], now: () => new Date() };
    const platform = await openPlatform(spec, options);
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent', page: true });
  });
});

describe.skipIf(!sshdAvailable)('a real OpenSSH server', () => {
  const start = async () => {
    const sshd = await startSshd();
    const { port, user, keyFile, hostKey, folder } = sshd;
    const spec: SftpPlatformSpec = {
      use: 'sftp',
      url: `sftp://127.0.0.1:${port}`,
      login: { user, keyFile },
      hostKey,
      folder: join(folder, 'in'),
      archiveFolder: join(folder, 'archive'),
      receiptFolder: join(folder, 'receipts'),
    };
    const batch = await sealedBatch({ wire: wireFormOf(spec), count: 500 });
    const name = `credit-sharing_2026-W48_000001_${batch.batchId.slice(0, 8)}.zip`;
    return { sshd, spec, batch, name, platform: await open(spec) };
  };

  test('takes a package with fsync, rename without overwriting and .ok; asked again it is there', async () => {
    const { sshd, platform, batch, name } = await start();
    expect((await platform.send(batch, never)).outcome).toBe('received');
    expect(readdirSync(join(sshd.folder, 'in'))).toEqual([name, `${name}.ok`]);
    expect(readFileSync(join(sshd.folder, 'in', name)).equals(batch.body)).toBe(true);
    expect((await platform.query(batch, never)).outcome).toBe('received');
    renameSync(join(sshd.folder, 'in', name), join(sshd.folder, 'archive', name));
    expect((await platform.query(batch, never)).outcome).toBe('received');
  });

  test('renaming and creating never overwrite what came in between', async () => {
    const { sshd } = await start();
    const { port, user, keyFile, hostKey, folder } = sshd;
    const login = { user, key: readFileSync(keyFile) };
    const allowed = allowedHosts(['127.0.0.1']);
    const connection = await connectSftp({ host: '127.0.0.1', port, login, hostKeys: [hostKey], allowed }, never);
    onTestFinished(() => connection.close());
    const files = sftpFiles(connection);
    const [ours, theirs] = [join(folder, 'in', 'a.part'), join(folder, 'in', 'a')];
    await files.create(ours, Buffer.from('ours'));
    writeFileSync(theirs, 'theirs');
    await expect(files.rename(ours, theirs)).rejects.toThrow('rename');
    await expect(files.create(theirs, Buffer.from('ours'))).rejects.toThrow('open');
    expect(readFileSync(theirs, 'utf8')).toBe('theirs');
    expect(await files.read(join(folder, 'in', 'b'), 10)).toBeUndefined();
    expect((await files.list(join(folder, 'in'))).map(({ name }) => name)).toEqual(['a', 'a.part']);
  });

  test('a changed host key is refused with a sentence', async () => {
    const { sshd, platform, batch } = await start();
    await sshd.changeHostKey();
    const answer = await platform.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent', page: true });
    expect('reason' in answer && answer.reason).toContain('电话核实');
    expect(readdirSync(join(sshd.folder, 'in'))).toEqual([]);
  });
});

describe('what the platform says it holds', () => {
  const list = async (one: Bench): Promise<unknown[]> => {
    const held: unknown[] = [];
    for await (const record of one.platform.holdings?.(never) ?? []) held.push(record);
    return held;
  };

  test('is read from its newest list, whatever names a record there', async () => {
    const one = await bench({ holdings: { folder: '/done', match: 'held_' } });
    const key = 'ab'.repeat(32);
    writeFileSync(one.at('done/held_20261120.csv'), 'rowId\nold\n');
    writeFileSync(
      one.at('done/held_20261127.csv'),
      `rowId,recordKey,dataVersion,op,payloadHash\nx1,,,U,\n,${key},3,D,${key}\n`,
    );
    writeFileSync(one.at('done/other.csv'), 'rowId\nother\n');
    expect(await list(one)).toEqual([
      { operation: 'UPSERT', idemKey: 'x1' },
      { operation: 'WITHDRAW', recordKey: key, version: 3, payloadHash: key },
    ]);
  });

  test.each([
    ['no list', undefined],
    ['a row that names no record', 'rowId,op\nx1,U\n,U\n'],
    ['a cut-off list', 'rowId,op\n"x1,U\n'],
  ])('%s is not half a list', async (_, content) => {
    const one = await bench({ holdings: { folder: '/done' } });
    if (content !== undefined) writeFileSync(one.at('done/held.csv'), content);
    await expect(list(one)).rejects.toMatchObject({ code: 'PLATFORM_UNREADABLE' });
  });

  test('is unknown where no folder for it is named', async () => {
    expect((await bench()).platform.holdings).toBeUndefined();
  });
});
