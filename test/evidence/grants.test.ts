import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { signLog } from '../../src/evidence/signer.ts';
import { signerInMemory } from '../../src/evidence/signer-files.ts';
import { verifyLog } from '../../src/evidence/verify-log.ts';
import { bench, rows } from '../audit/bench.ts';
import { openTestDatabase } from '../support/databases.ts';
import { freshDatabase, mariaDbAvailable } from '../support/mariadb.ts';

const script = readFileSync(join(import.meta.dirname, '../../docs/mysql-grants.sql'), 'utf8');

/** A migrated database with the accounts of docs/mysql-grants.sql. */
async function withAccounts() {
  const owner = await freshDatabase();
  await openTestDatabase(owner);
  const name = new URL(owner).pathname.slice(1);
  const admin = await createConnection(owner);
  onTestFinished(() => admin.end());
  // One server has the databases of many tests: each has its own accounts.
  const named = script.replaceAll('`hub`', `\`${name}\``).replaceAll("'hub'", `'${name}'`);
  const own = named.replaceAll('hub_app', `a_${name}`).replaceAll('hub_signer', `s_${name}`);
  const statements = own.replace(/^--.*$/gm, '').split(/;\s*\n/);
  for (const statement of statements.filter((one) => one.trim() !== '')) {
    const [result] = await admin.query(statement);
    if (!Array.isArray(result)) continue;
    for (const row of result) await admin.query(String(Object.values(row)[0]));
  }
  const as = (user: string, password: string): string =>
    Object.assign(new URL(owner), { username: `${user}_${name}`, password }).href;
  return { owner, app: as('a', 'change-this-1'), signer: as('s', 'change-this-2') };
}

const REFUSED = { errno: expect.any(Number), code: expect.stringMatching(/TABLEACCESS_DENIED/) };

describe.skipIf(!mariaDbAvailable)('with the accounts of docs/mysql-grants.sql', () => {
  test('the hub pulls, pushes, places and verifies; the signer signs; and neither can rewrite the log', async () => {
    const { app, signer } = await withAccounts();
    const b = await bench(app);
    const { db } = b.hub;
    await b.take(...rows(1, 3));
    b.script.push('reject-first');
    expect(await b.push()).toMatchObject({ state: 'done' });
    await sequenceAll(db);
    const signing = await openTestDatabase(signer);
    const memory = signerInMemory('hub.example.gov.cn/delivery-log');
    expect(await signLog(signing, memory, b.hub.now(), { whole: true })).toMatchObject({ outcome: 'signed' });
    await sequenceAll(db);
    const verified = await verifyLog(db, { now: b.hub.now(), keys: [...memory.known()] });
    expect(verified.findings).toEqual([]);
    for (const table of ['log_entries', 'log_tiles', 'log_payloads', 'checkpoints', 'anchors', 'log_signer'])
      for (const statement of [`UPDATE ${table} SET log_no = log_no`, `DELETE FROM ${table}`, `DROP TABLE ${table}`])
        await expect(db.raw(statement), statement).rejects.toMatchObject(REFUSED);
    for (const statement of ['DELETE FROM log_head', 'UPDATE log_pending SET id = id', 'TRUNCATE log_entries'])
      await expect(db.raw(statement), statement).rejects.toMatchObject(REFUSED);
    for (const statement of [
      'UPDATE log_head SET size = 0',
      'INSERT INTO log_entries SELECT * FROM log_entries',
      'DELETE FROM checkpoints',
      'SELECT * FROM records',
    ])
      await expect(signing.raw(statement), statement).rejects.toMatchObject(REFUSED);
  });
});
