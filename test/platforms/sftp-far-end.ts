import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/json.ts';
import type { SftpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { temporaryFolder } from '../support/databases.ts';
import { startSftpServer } from '../support/sftp-for-tests.ts';
import { PASSWORD } from '../support/sftp-server.ts';
import type { FarEnd } from './contract.ts';
import { type FarRow, farStore } from './far-store.ts';

interface Manifest {
  readonly packageId: string;
  readonly recordCount: number;
  readonly rows: readonly { readonly rowId: string; readonly op: 'U' | 'D' }[];
}

/** A platform that fetches packages from its SFTP folder, reads them by Python's zipfile, csv and xml, and writes receipts. */
export async function sftpFarEnd(
  data: 'json' | 'xml' | 'csv',
  change: Partial<SftpPlatformSpec> = {},
): Promise<FarEnd & { readonly folder: string }> {
  const folder = temporaryFolder();
  for (const name of ['in', 'archive', 'receipts']) mkdirSync(join(folder, name));
  const { port, hostKey, faults } = await startSftpServer(folder);
  const store = farStore();
  const spec: SftpPlatformSpec = {
    use: 'sftp',
    url: `sftp://127.0.0.1:${port}`,
    login: { user: 'hub', password: PASSWORD },
    hostKey,
    folder: '/in',
    archiveFolder: '/archive',
    receiptFolder: '/receipts',
    data,
    timeout: 10,
    ...change,
  };
  return {
    folder,
    spec,
    open: () => openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => new Date() }),
    loseAnswer: () => void Object.assign(faults, { cutAfterRename: true }),
    loseBatch: () => void Object.assign(faults, { cutAfterBytes: 100 }),
    reject: store.reject,
    work: () => {
      Object.assign(faults, { cutAfterRename: false, cutAfterBytes: undefined });
      for (const name of readdirSync(join(folder, 'in')).filter((one) => one.endsWith('.zip'))) take(name);
    },
    held: () => {
      Object.assign(faults, { cutAfterRename: false, cutAfterBytes: undefined });
      return store.held();
    },
  };

  function take(name: string): void {
    const bytes = readFileSync(join(folder, 'in', name));
    const { manifest, records } = unpack(join(folder, 'in', name));
    const rows = manifest.rows.map(({ rowId, op }, index): FarRow => ({ rowId, op, data: records[index] ?? {} }));
    if (store.take(manifest.packageId, bytes, rows) === 'other') return;
    const found = store.find(manifest.packageId)?.results ?? [];
    const results = found.map(({ rowId, code, reason }) => ({ rowId, resultCode: code, resultMsg: reason }));
    const receipt = { packageId: manifest.packageId, receiptId: `R-${name}`, receivedCount: rows.length, results };
    writeFileSync(join(folder, 'receipts', name.replace(/\.zip$/, '.json')), JSON.stringify(receipt));
    renameSync(join(folder, 'in', name), join(folder, 'archive', name));
  }
}

/** The far end's own reading: nothing of the hub's code. */
const SCRIPT = `
import csv, io, json, sys, zipfile, hashlib
import xml.etree.ElementTree as tree
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
m = json.loads(z.read('manifest.json'))
b = z.read(m['dataFile'])
assert hashlib.sha256(b).hexdigest() == m['sha256'] and len(b) == m['size']
t = b.decode(m['encoding'])
if m['dataFile'].endswith('.json'): r = [x['data'] for x in json.loads(t)['records']]
elif m['dataFile'].endswith('.csv'): r = list(csv.DictReader(io.StringIO(t, newline='')))
else: r = [{f.tag: f.text for f in x} for x in tree.fromstring(b).find('records')]
assert len(r) == m['recordCount']
print(json.dumps({'manifest': m, 'records': r}))
`;

const unpack = (path: string): { readonly manifest: Manifest; readonly records: readonly JsonObject[] } =>
  JSON.parse(String(execFileSync('python3', ['-c', SCRIPT, path], { env: { PYTHONIOENCODING: 'utf-8' } })));
