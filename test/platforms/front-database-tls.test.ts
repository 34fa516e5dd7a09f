import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Answer } from '../../src/platform.ts';
import type { TlsSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { pinOf } from '../../src/wire/tls-material.ts';
import { certificate } from '../support/certificate.ts';
import { type MariaDb, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { sealedBatch } from '../support/outgoing-batch.ts';

const never = new AbortController().signal;
const good = certificate();
const other = certificate();

describe.skipIf(!mariaDbAvailable)('a front-end database over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hub-tls-'));
  let server: MariaDb;
  beforeAll(async () => {
    for (const [name, pem] of Object.entries(good)) writeFileSync(join(folder, `${name}.pem`), pem);
    server = await startMariaDb([`--ssl-cert=${join(folder, 'cert.pem')}`, `--ssl-key=${join(folder, 'key.pem')}`]);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  /** How often the server was told a wrong account or password. */
  async function denied(): Promise<number> {
    const connection = await createConnection(server.url);
    const [rows] = await connection.query("SHOW GLOBAL STATUS LIKE 'Access_denied_errors'");
    await connection.end();
    return Number((rows as { Value: string }[])[0]?.Value);
  }

  async function send(tls: TlsSpec, change: { password?: string } = {}): Promise<Answer> {
    const url = Object.assign(new URL(server.url), { hostname: 'localhost', ...change }).href;
    const spec = { use: 'front-database', url, tables: { XK_FR: 'T_XK_FR' }, timeout: 10, tls } as const;
    const platform = await openPlatform(spec, { name: 'p', allowedHosts: [], now: () => new Date() });
    onTestFinished(() => platform.close());
    return platform.send(await sealedBatch(), never);
  }

  test('with the key that was agreed on it is asked for its tables', async () => {
    const answer = await send({ ca: good.cert, pins: [pinOf(other.cert), pinOf(good.cert)] });
    expect(answer).toMatchObject({ outcome: 'contract-fault', reason: expect.stringContaining('T_XK_FR') });
  });

  test('with any other key nothing is sent, not even the account, and a person is called', async () => {
    const pins = [pinOf(other.cert)];
    expect(await send({ ca: good.cert, pins }, { password: 'wrong' })).toMatchObject({
      outcome: 'not-sent',
      page: true,
      reason: expect.stringMatching(/公钥与约定的不符.*platform\.tls\.pins/),
    });
    expect(await denied()).toBe(0);
    // The same wrong password behind the right key is told to the server, so that it would have been seen.
    await send({ ca: good.cert, pins: [pinOf(good.cert)] }, { password: 'wrong' });
    expect(await denied()).toBe(1);
  });
});
