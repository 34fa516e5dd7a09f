import { execFileSync } from 'node:child_process';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SftpPlatformSpec } from '../../src/platform-spec.ts';
import { reconcilePlatform } from '../../src/reconcile/reconcile.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { databases } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { sshdAvailable, startSshd } from '../support/sshd.ts';
import { carryBench, licences } from './bench.ts';

/** The far end reads by Python's own zipfile and csv: row id, operation and party of every record. */
const READER = `
import csv, io, json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
m = json.loads(z.read('manifest.json'))
rows = list(csv.DictReader(io.StringIO(z.read(m['dataFile']).decode('utf-8'), newline='')))
print(json.dumps([{**r, 'party': d['XK_XDR_MC'], 'status': d['XK_ZT']} for r, d in zip(m['rows'], rows)]))
`;

interface FarRow {
  readonly rowId: string;
  readonly op: 'U' | 'D';
  readonly party: string;
  readonly status: string;
}

/** A platform behind a real OpenSSH server: takes packages, answers them, exports what it holds. */
function platformAt(folder: string) {
  const held = new Map<string, FarRow>();
  const at = (...parts: readonly string[]): string => join(folder, ...parts);
  return {
    held,
    work: (reject: (row: FarRow) => boolean = () => false): void => {
      for (const name of readdirSync(at('in')).filter((one) => one.endsWith('.zip'))) {
        const rows: FarRow[] = JSON.parse(
          String(execFileSync('python3', ['-c', READER, at('in', name)], { env: { PYTHONIOENCODING: 'utf-8' } })),
        );
        for (const one of rows.filter((candidate) => !reject(candidate))) held.set(one.rowId, one);
        const lines = rows.map((one, index) => `${index + 1},${reject(one) ? 'LATE,迟报' : 'OK,'}`);
        writeFileSync(
          at('receipts', name.replace(/\.zip$/, '.csv')),
          ['rowNo,resultCode,resultMsg', ...lines].join('\r\n'),
        );
        renameSync(at('in', name), at('archive', name));
      }
    },
    list: (without: string): void => {
      const lines = [...held.values()]
        .filter(({ party }) => party !== without)
        .map(({ rowId, op }) => `${rowId},${op}`);
      writeFileSync(at('done', 'held_1.csv'), ['rowId,op', ...lines].join('\n'));
    },
  };
}

for (const database of databases) {
  describe.skipIf(!sshdAvailable || !database.available)(`by SFTP, with ${database.name}`, () => {
    test('records go, are answered, withdrawn, and compared with what the platform holds', async () => {
      const { port, user, keyFile, hostKey, folder } = await startSshd();
      const spec: SftpPlatformSpec = {
        use: 'sftp',
        url: `sftp://127.0.0.1:${port}`,
        login: { user, keyFile },
        hostKey,
        data: 'csv',
        folder: join(folder, 'in'),
        archiveFolder: join(folder, 'archive'),
        receiptFolder: join(folder, 'receipts'),
        holdings: { folder: join(folder, 'done'), match: 'held_' },
        batchSize: 10,
      };
      const { hub, job, clock, take, push, batches } = await carryBench(await database.url(), spec);
      const far = platformAt(folder);
      const later = (hours: number): void => {
        clock.now = new Date(clock.now.getTime() + hours * 3_600_000);
      };
      await take(...licences(1, 12));
      await push();
      expect((await batches()).map(({ state }) => state)).toEqual(['RECEIVED', 'RECEIVED']);
      expect(readdirSync(join(folder, 'in')).filter((name) => !name.endsWith('.ok'))).toHaveLength(2);
      far.work(({ party }) => party === '南宁某某印刷第7有限公司');
      later(2);
      await push();
      expect((await batches()).map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED']);
      expect(far.held.size).toBe(11);
      expect((await listQuarantine(hub.db, { stage: 'platform' })).map(({ name }) => name)).toEqual([
        '南宁某某印刷第7有限公司',
      ]);
      later(2);
      await take(row(3, { status: 'revoked', ended: '2026-11-26' }));
      await push();
      far.work();
      later(2);
      await push();
      expect([...far.held.values()].filter(({ op }) => op === 'D')).toMatchObject([
        { party: '南宁某某印刷第3有限公司', status: '2' },
      ]);
      far.list('南宁某某印刷第5有限公司');
      const report = await reconcilePlatform(hub, job, { signal: new AbortController().signal, by: 'shell:test' });
      expect(report).toMatchObject({ state: 'different', missing: 1, extra: 0 });
    }, 60_000);
  });
}
