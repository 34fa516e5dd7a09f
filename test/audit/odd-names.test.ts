import { expect, test } from 'vitest';
import { exportPack } from '../../src/audit/export-pack.ts';
import { verifyLog } from '../../src/evidence/verify-log.ts';
import { inTransaction } from '../../src/store/database.ts';
import { appendLog, listLog } from '../../src/store/log.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { verifiers } from '../support/verifiers.ts';
import { bench } from './bench.ts';
import { forge } from './forge.ts';
import { signHead, testSigner } from './signed.ts';

/** Names that JavaScript would take for something else, as a bureau's record may carry them. */
const ODD = JSON.parse(
  '{"__proto__":"a","constructor":{"prototype":"b","__proto__":{"x":"c"}},"toString":["d"],"10":"e","2":"f"}',
);

onBothDatabases('an entry with members named __proto__, constructor and toString on', ({ url }) => {
  test('is the same to the hub and to both verifiers, and a change of them is found', async () => {
    const { hub } = await bench(await url());
    const { db } = hub;
    const entries = ['odd', 'last'].map((name) => ({
      actor: 'hub',
      action: `test.${name}`,
      detail: name === 'odd' ? ODD : {},
    }));
    await inTransaction(db, (tx) => appendLog(tx, hub.now(), entries));
    await signHead(db);
    const key = testSigner();
    expect((await verifyLog(db, { now: hub.now(), keys: [key] })).findings).toEqual([]);
    const [line] = (await listLog(db)).filter(({ action }) => action === 'test.odd');
    expect(JSON.stringify(line?.detail)).toContain('"__proto__":"a"');
    const out = `${temporaryFolder()}/pack`;
    const signal = new AbortController().signal;
    const context = {
      db,
      hubId: hub.settings.hubId,
      timezone: 'Asia/Shanghai',
      actor: 'user:auditor',
      waitMs: 0,
      signal,
    };
    await exportPack({ kind: 'log', value: '' }, out, { ...context, now: hub.now });
    const args = ['--key', key.vkey, '--no-seen', '--now', hub.now().toISOString()];
    const forged = forge(out, `${temporaryFolder()}/forged`);
    const changed = forged
      .entries()
      .map((bytes) => Buffer.from(bytes.toString().replace('"__proto__":"a"', '"__proto__":1')));
    forged.rewrite(changed, key);
    for (const { name, run } of verifiers) {
      expect({ name, ...(await run(out, args)) }).toMatchObject({ name, code: 0, findings: [] });
      const told = await run(forged.folder, args);
      expect({ name, ...told }).toMatchObject({ name, code: 15 });
      expect(told.findings.map(({ said }) => said).join()).toMatch(/not text/);
    }
  });
});
