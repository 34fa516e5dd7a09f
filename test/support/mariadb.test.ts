import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshDatabase, mariaDbAvailable, startMariaDb } from './mariadb.ts';

async function ask(url: string, sql: string): Promise<unknown> {
  const connection = await createConnection(url);
  onTestFinished(() => connection.end());
  const [rows] = await connection.query(sql);
  return rows;
}

describe.skipIf(!mariaDbAvailable)('a throw-away MariaDB server', () => {
  test('every bundle has an empty database of its own', async () => {
    const [one, other] = [await freshDatabase(), await freshDatabase()];
    expect(one).not.toBe(other);
    await ask(one, 'CREATE TABLE mark (id INT)');
    expect(await ask(other, 'SHOW TABLES')).toEqual([]);
  });

  test('it keeps what it has promised and leaves nothing behind', async () => {
    const server = await startMariaDb(['--innodb-lock-wait-timeout=7']);
    expect(
      await ask(
        server.url,
        'SELECT @@innodb_flush_log_at_trx_commit AS f, @@innodb_lock_wait_timeout AS w, @@bind_address AS b',
      ),
    ).toEqual([{ f: 1, w: 7, b: '127.0.0.1' }]);
    await server.stop();
    expect(existsSync(dirname(server.socket))).toBe(false);
  });

  test('a killed server is gone at once and still cleans up', async () => {
    const server = await startMariaDb();
    server.kill();
    await server.stop();
    await expect(createConnection(server.url)).rejects.toThrow('ECONNREFUSED');
    expect(existsSync(dirname(server.socket))).toBe(false);
  });
});
