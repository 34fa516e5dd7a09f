import { describe, expect, onTestFinished, test } from 'vitest';
import { canonicalJson, sha256 } from '../../src/canonical.ts';
import type { Answer, HeldRecord, Platform } from '../../src/platform.ts';
import type { FrontDatabaseSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { mariaDbAvailable } from '../support/mariadb.ts';
import { licence, sealedBatch } from '../support/outgoing-batch.ts';
import { type FrontFarEnd, mariaFarEnd, sqliteFarEnd } from './front-far-end.ts';

const never = new AbortController().signal;

async function open(far: FrontFarEnd): Promise<Platform> {
  const platform = await far.open();
  onTestFinished(() => platform.close());
  return platform;
}

const send = async (far: FrontFarEnd): Promise<Answer> => (await open(far)).send(await sealedBatch(), never);

describe('a front-end database on SQLite', () => {
  test('gets rows with batch number, operation, time and a flag that waits', async () => {
    const far = await sqliteFarEnd();
    const batch = await sealedBatch();
    expect((await (await open(far)).send(batch, never)).outcome).toBe('received');
    const rows = await far.sql('SELECT BATCH_NO, OP, SYNC_FLAG, PUSH_TIME, XK_XKBH FROM T_XK_FR ORDER BY rowid');
    expect(rows).toHaveLength(3);
    expect(rows[0]).toMatchObject({ BATCH_NO: batch.batchId, OP: 'U', SYNC_FLAG: '0', XK_XKBH: '（桂）字第0000号' });
    expect(String(rows[0]?.['PUSH_TIME'])).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(await far.sql('SELECT * FROM hub_batch')).toEqual([
      { batch_id: batch.batchId, manifest_digest: batch.bodyDigest, n: 3, epoch: 1 },
    ]);
  });

  test('that changes a value by a trigger is a conflict, and nothing of the batch stays (F26, T15)', async () => {
    const far = await sqliteFarEnd();
    await far.sql(`CREATE TRIGGER tidy AFTER INSERT ON T_XK_FR BEGIN
      UPDATE T_XK_FR SET XK_XDR_MC = trim(replace(XK_XDR_MC, '𠮷', '吉')) WHERE ROW_ID = NEW.ROW_ID; END`);
    expect(await send(far)).toMatchObject({ outcome: 'conflict', reason: expect.stringContaining('XK_XDR_MC') });
    expect(await far.held()).toEqual([]);
    expect(await far.sql('SELECT * FROM hub_batch')).toEqual([]);
  });

  test('whose rows were changed after they were taken is a conflict when it is asked', async () => {
    const far = await sqliteFarEnd();
    const platform = await open(far);
    const batch = await sealedBatch();
    await platform.send(batch, never);
    await far.work();
    await far.sql("UPDATE T_XK_FR SET XK_ZT = '2' WHERE ROW_ID = ?", [batch.idemKeys[1]]);
    expect(await platform.query(batch, never)).toMatchObject({
      outcome: 'conflict',
      reason: expect.stringContaining('XK_ZT'),
    });
  });

  test('stays open until every row has its result, and a vanished row is never taken for success', async () => {
    const far = await sqliteFarEnd();
    const platform = await open(far);
    const batch = await sealedBatch();
    await platform.send(batch, never);
    await far.sql("UPDATE T_XK_FR SET SYNC_FLAG = '2' WHERE ROW_ID = ?", [batch.idemKeys[0]]);
    await far.sql("UPDATE T_XK_FR SET SYNC_FLAG = '1' WHERE ROW_ID = ?", [batch.idemKeys[1]]);
    expect((await platform.query(batch, never)).outcome).toBe('received');
    await far.sql('DELETE FROM T_XK_FR WHERE ROW_ID = ?', [batch.idemKeys[2]]);
    expect((await platform.query(batch, never)).outcome).toBe('unknown');
  });

  test('that writes nothing back accepts what is committed and read back (receipts: sync)', async () => {
    const far = await sqliteFarEnd({ change: { receipts: 'sync' } });
    const platform = await open(far);
    const batch = await sealedBatch();
    expect((await platform.send(batch, never)).outcome).toBe('answered');
    await far.sql('DELETE FROM T_XK_FR');
    expect((await platform.query(batch, never)).outcome).toBe('answered');
  });

  test('with columns, flags and operations of its own is configuration', async () => {
    const far = await sqliteFarEnd({
      change: {
        columns: { batchNo: 'ERR_MSG', errMsg: 'BATCH_NO' },
        ops: { upsert: 'M', withdraw: 'X' },
        flags: { waiting: 'N', taken: 'T', accepted: 'Y', rejected: 'E' },
      },
    });
    const platform = await open(far);
    const batch = await sealedBatch({ count: 1 });
    await platform.send(batch, never);
    expect(await far.sql('SELECT OP, SYNC_FLAG, ERR_MSG FROM T_XK_FR')).toEqual([
      { OP: 'M', SYNC_FLAG: 'N', ERR_MSG: batch.batchId },
    ]);
    await far.sql("UPDATE T_XK_FR SET SYNC_FLAG = 'E', ERR_CODE = 'LATE'");
    expect(await platform.query(batch, never)).toMatchObject({ verdicts: [{ outcome: 'rejected', code: 'LATE' }] });
  });

  test('without the table, a column, or a unique row id is a contract fault that names it', async () => {
    const noTable = await sqliteFarEnd({ change: { tables: { XK_FR: 'T_OTHER' } } });
    expect(await send(noTable)).toMatchObject({
      outcome: 'contract-fault',
      reason: expect.stringContaining('T_OTHER'),
    });
    const noClass = await sqliteFarEnd({ change: { tables: { CF_FR: 'T_XK_FR' } } });
    expect(await send(noClass)).toMatchObject({ outcome: 'contract-fault', reason: expect.stringContaining('XK_FR') });
    const noColumn = await sqliteFarEnd();
    await noColumn.sql('ALTER TABLE T_XK_FR DROP COLUMN XK_NR');
    expect(await send(noColumn)).toMatchObject({ outcome: 'contract-fault', reason: expect.stringContaining('XK_NR') });
    const loose = await sqliteFarEnd({ change: { ledger: 'none', tables: { XK_FR: 'T_LOOSE' } } });
    await loose.sql('CREATE TABLE T_LOOSE AS SELECT * FROM T_XK_FR');
    expect(await send(loose)).toMatchObject({ outcome: 'contract-fault', reason: expect.stringContaining('unique') });
  });

  test('lists what it took, in every version, with the digest of what it really holds', async () => {
    const far = await sqliteFarEnd();
    const platform = await open(far);
    const first = await sealedBatch();
    const withdrawal = await sealedBatch({ op: 'D', version: 2, count: 1 });
    await platform.send(first, never);
    await far.reject(first.idemKeys[2] ?? '', 'LATE', '迟报');
    await far.work();
    await platform.send(withdrawal, never);
    await far.sql("UPDATE T_XK_FR SET SYNC_FLAG = '2' WHERE ROW_ID = ?", [withdrawal.idemKeys[0]]);
    await far.sql("UPDATE T_XK_FR SET XK_NR = '改动' WHERE ROW_ID = ?", [first.idemKeys[1]]);
    const held: HeldRecord[] = [];
    for await (const record of platform.holdings?.(never) ?? []) held.push(record);
    const named = (idemKey: string | undefined) => held.find((each) => 'idemKey' in each && each.idemKey === idemKey);
    expect(held).toHaveLength(3);
    expect(named(first.idemKeys[0])).toMatchObject({
      operation: 'UPSERT',
      payloadHash: sha256(canonicalJson(licence(0))),
    });
    expect(named(first.idemKeys[1])?.payloadHash).toBe(sha256(canonicalJson({ ...licence(1), XK_NR: '改动' })));
    expect(named(withdrawal.idemKeys[0])).toMatchObject({ operation: 'WITHDRAW' });
  });

  test('needs a driver that is installed and a file that is there', async () => {
    const given = { name: 'p', allowedHosts: [], now: () => new Date() };
    const spec: FrontDatabaseSpec = {
      use: 'front-database',
      url: 'postgres://u:p@127.0.0.1/d',
      tables: { XK_FR: 'T' },
    };
    await expect(openPlatform(spec, given)).rejects.toMatchObject({ fix: expect.stringContaining('npm install pg') });
    const gone = await openPlatform({ ...spec, url: 'sqlite:/nowhere/front.db' }, given);
    await expect(gone.send(await sealedBatch(), never)).rejects.toMatchObject({ code: 'PLATFORM_WRONG' });
  });
});

describe.skipIf(!mariaDbAvailable)('a front-end database on MariaDB (F26)', () => {
  test.each([
    ['a narrowed column', { columnType: 'VARCHAR(12)' }, 'XK_NR'],
    ['an old character set', { options: 'CHARACTER SET utf8mb3' }, 'XK_XDR_MC'],
  ])('%s takes no record that does not fit, and names the column', async (_, given, column) => {
    const far = await mariaFarEnd(given);
    const batch = await sealedBatch();
    const answer = await (await open(far)).send(batch, never);
    expect(answer).toMatchObject({ outcome: 'refused', reason: expect.stringContaining(column) });
    expect(answer).toMatchObject({ rejected: [{ idemKey: batch.idemKeys[0] }] });
    expect(await far.held()).toEqual([]);
    expect(await far.sql('SELECT * FROM hub_batch')).toEqual([]);
  });

  test('only the record that does not fit is blamed', async () => {
    const far = await mariaFarEnd();
    const batch = await sealedBatch({
      data: (index) => ({ ...licence(index), ...(index === 1 ? { XK_NR: '长'.repeat(401) } : {}) }),
    });
    const answer = await (await open(far)).send(batch, never);
    expect(answer).toMatchObject({ rejected: [{ idemKey: batch.idemKeys[1], code: 'ER_DATA_TOO_LONG' }] });
  });

  test('a trigger that changes a value is a conflict, and nothing of the batch stays', async () => {
    const far = await mariaFarEnd();
    await far.sql('CREATE TRIGGER tidy BEFORE INSERT ON T_XK_FR FOR EACH ROW SET NEW.XK_NR = TRIM(NEW.XK_NR)');
    expect(await send(far)).toMatchObject({ outcome: 'conflict', reason: expect.stringContaining('XK_NR') });
    expect(await far.held()).toEqual([]);
  });

  test('a table without transactions is a contract fault', async () => {
    const far = await mariaFarEnd({ options: 'ENGINE=MyISAM' });
    expect(await send(far)).toMatchObject({ outcome: 'contract-fault', reason: expect.stringContaining('InnoDB') });
  });

  test('numbers and days may stand in columns of their own kind', async () => {
    const far = await mariaFarEnd();
    await far.sql('ALTER TABLE T_XK_FR MODIFY XK_JDRQ DATE, MODIFY XK_ZT DECIMAL(4,1), MODIFY XK_XDR_SHXYM CHAR(18)');
    const platform = await open(far);
    const batch = await sealedBatch();
    const sent = await platform.send(batch, never);
    expect(sent).toMatchObject({ outcome: 'received' });
  });

  test('a lock that another transaction holds ends as “not sent” before our deadline', async () => {
    const far = await mariaFarEnd({ change: { timeout: 2 } });
    const batch = await sealedBatch();
    await far.sql('SET autocommit = 0');
    await far.sql('INSERT INTO hub_batch VALUES (?, ?, 3, 1)', [batch.batchId, batch.bodyDigest]);
    const platform = await open(far);
    expect(await platform.send(batch, never)).toMatchObject({ outcome: 'not-sent', page: false });
    await far.sql('ROLLBACK');
    expect((await platform.send(batch, never)).outcome).toBe('received');
  });

  test('a deadlock ends as “not sent” and needs nobody', async () => {
    const far = await mariaFarEnd();
    await far.sql(`CREATE TRIGGER dead BEFORE INSERT ON T_XK_FR FOR EACH ROW
      SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'`);
    expect(await send(far)).toMatchObject({
      outcome: 'not-sent',
      page: false,
      reason: expect.stringContaining('LOCK_DEADLOCK'),
    });
  });

  test('a server that was made read-only calls a person', async () => {
    const far = await mariaFarEnd();
    await far.sql(`CREATE TRIGGER stop BEFORE INSERT ON hub_batch FOR EACH ROW
      SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'`);
    expect(await send(far)).toMatchObject({ outcome: 'not-sent', page: true, reason: expect.stringContaining('只读') });
  });

  test('an account without rights calls a person, and its password is never printed', async () => {
    const far = await mariaFarEnd();
    const [user, password] = ['reader_only', 'canary-db-pass-55'];
    await far.sql(`CREATE OR REPLACE USER ${user}@'127.0.0.1' IDENTIFIED BY '${password}'`);
    const reading = new URL(far.spec.url);
    reading.username = user;
    reading.password = password;
    const platform = await openPlatform(
      { ...far.spec, url: reading.href },
      { name: 'p', allowedHosts: [], now: () => new Date() },
    );
    const denied = await platform.send(await sealedBatch(), never);
    expect(denied).toMatchObject({ outcome: 'not-sent', page: true, reason: expect.stringContaining('INSERT') });
    reading.password = `${password}-wrong`;
    const stranger = await openPlatform(
      { ...far.spec, url: reading.href },
      { name: 'p', allowedHosts: [], now: () => new Date() },
    );
    const refused = await stranger.send(await sealedBatch(), never);
    expect(refused).toMatchObject({ outcome: 'not-sent', page: true });
    expect(JSON.stringify([denied, refused])).not.toContain(password);
  });

  test('a server that never answers the COMMIT is cut off at the deadline, and the ledger tells the rest', async () => {
    const far = await mariaFarEnd({ change: { timeout: 2 } });
    const platform = await open(far);
    const batch = await sealedBatch();
    far.hangCommit();
    expect((await platform.send(batch, never)).outcome).toBe('unknown');
    expect((await platform.query(batch, never)).outcome).toBe('received');
    expect(await far.held()).toHaveLength(3);
  });

  test('nobody there, or no such name, is “not sent”', async () => {
    const spec: FrontDatabaseSpec = {
      use: 'front-database',
      url: 'mysql://u:p@127.0.0.1:1/d',
      tables: { XK_FR: 'T' },
      timeout: 2,
    };
    for (const url of [spec.url, 'mysql://u:p@no-such-platform.invalid/d']) {
      const platform = await openPlatform({ ...spec, url }, { name: 'p', allowedHosts: [], now: () => new Date() });
      expect(await platform.send(await sealedBatch(), never)).toMatchObject({ outcome: 'not-sent', page: false });
      expect((await platform.query(await sealedBatch(), never)).outcome).toBe('unknown');
    }
  });
});
