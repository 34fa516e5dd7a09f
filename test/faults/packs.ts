import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calendarFile, loadCalendar } from '../../src/calendar/load-calendar.ts';
import { workCalendar } from '../../src/calendar/work-calendar.ts';
import { sha256 } from '../../src/canonical.ts';
import { type Hub, openHub } from '../../src/hub-context.ts';
import type { PullJob, PushJob } from '../../src/job/job.ts';
import { pull } from '../../src/pull/pull.ts';
import { runJob } from '../../src/run-job.ts';
import { loadSchemas } from '../../src/schema/schema.ts';
import { readSettings } from '../../src/settings.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { signHead, testSigner } from '../audit/signed.ts';
import { run } from '../bench/child.ts';
import { platformServer } from '../support/platform-server.ts';

/**
 * Evidence packs at full size: `node test/faults/packs.ts [records…]` (5,000 and 100,000). Fills a hub, pushes all of it to a
 * loopback platform, exports the pack as a stream and verifies it with both programs. Prints times and memory; exit 1 where a
 * pack does not verify, or where memory grew with the number of records.
 */
const schemasDir = join(import.meta.dirname, '../../schemas');
const sizes = process.argv.slice(2).map(Number);
const BATCH = 500;
/**
 * What the memory of an export, or of verify.mjs, may grow by between the smallest number of records and the largest, MB. Nothing
 * of the records stays in memory; the base itself differs by some 25 MB from run to run, and garbage is collected late.
 */
const MOST_MB = { export: 50, verify: 90 };

const job: PullJob = {
  kind: 'pull',
  name: 'pull-printing',
  file: 'jobs/pull-printing.yaml',
  title: { zh: '归集', en: 'Pull' },
  division: '印刷发行处',
  source: { use: 'files', folder: '/nowhere' },
  type: 'licence/printing',
  id: 'id',
  mapping: {
    ...{ number: 'number', 'holder.name': 'name', content: 'content', status: { const: 'valid' } },
    'holder.creditCode': { from: 'code', as: 'credit-code' },
    'holder.legalRepresentative': 'person',
    'document.title': { const: '印刷经营许可决定书' },
    decidedOn: { from: 'from', as: 'date' },
    validFrom: { from: 'from', as: 'date' },
    validUntil: { from: 'until', as: 'date' },
    publicity: { const: '主动公开' },
    secrecyReviewed: { const: true },
  },
  samples: [],
};

const pushJob = (url: string): PushJob => ({
  kind: 'push',
  name: 'push-credit-sharing',
  file: 'jobs/push-credit-sharing.yaml',
  title: { zh: '报送', en: 'Push' },
  platformName: 'credit-sharing',
  platform: { use: 'http', url, batchSize: BATCH, sender: { code: '11450000007560019Y', name: '测试局' } },
  types: { 'licence/*': ['credit-sharing/licence-2018'] },
});

async function fill(hub: Hub, count: number): Promise<void> {
  const type = hub.types.get(job.type);
  if (type === undefined) throw new Error(`no type ${job.type}`);
  const { db, schemasDigest, now, localDate } = hub;
  const signal = new AbortController().signal;
  const source = { pages: () => pages(count), close: async () => {} };
  const options = {
    db,
    source,
    type,
    schemasDigest,
    runId: 1,
    now,
    localDate,
    signal,
    dryRun: false,
    acceptShrink: false,
  };
  const { stopped } = await pull(job, options);
  if (stopped !== undefined) throw stopped;
  const report = await runJob(hub, 'push-credit-sharing', { signal, by: 'shell:test' });
  if (report.state !== 'done') throw new Error(JSON.stringify(report));
}

async function* pages(count: number) {
  for (let from = 0; from < count; from += 1000) {
    const rows = Array.from({ length: Math.min(1000, count - from) }, (_, at) => {
      const n = from + at + 1;
      const fields = {
        ...{ id: `row-${n}`, number: `（桂）印证字第${450000000 + n}号`, name: `南宁某某印刷第${n}有限公司` },
        ...{
          code: '91450100MA5KA0017F',
          person: '韦某某',
          content: '出版物印刷',
          from: '2026-11-20',
          until: '2031-11-19',
        },
      };
      return { rowNo: at + 1, raw: JSON.stringify(fields), fields, faults: [] };
    });
    const head = { externalId: `page-${from}`, sha256: sha256(`page ${from} ${rows.length}`), endOfIntake: true };
    yield { ...head, rows, cursor: { from } };
  }
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(2)} s`;

async function trial(count: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-packs-'));
  const far = await platformServer();
  const { settings } = readSettings({ HUB_DATA_DIR: folder, HUB_ID: 'hub-under-test' });
  const { schemas } = loadSchemas(schemasDir);
  const { types, forms, digest: schemasDigest } = schemas;
  const calendar = workCalendar(loadCalendar(calendarFile(schemasDir)).table);
  const jobs = [job, pushJob(far.url)];
  const alarms = { divisions: {}, watch: [] };
  const hub = await openHub({ settings, jobs, types, forms, schemasDigest, calendar, alarms, secrets: [] });
  try {
    await fill(hub, count);
    await hub.db('batches').update({ period: '2026-W48' });
    await signHead(hub.db);
    const good = await exportAndVerify(hub, { count, folder });
    return good;
  } finally {
    await hub.close();
    await far.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function exportAndVerify(hub: Hub, { count, folder }: { count: number; folder: string }): Promise<boolean> {
  const out = join(folder, 'pack.zip');
  const batches = (await listBatches(hub.db, { limit: 10_000 })).length;
  const env = { HUB_DATABASE_URL: hub.settings.databaseUrl, HUB_DATA_DIR: folder, HUB_ID: 'hub-under-test' };
  const args = ['log', 'export', '--period', '2026-W48', '--out', out, '--json'];
  const { wallMs, peakMb } = await run('../../src/hub.js', args, { cwd: folder, env });
  peaks.export.push(peakMb);
  const size = `${(statSync(out).size / 1e6).toFixed(1)} MB`;
  const took = `${(wallMs / 1000).toFixed(2)} s with its start`;
  console.log(`${count} records, ${batches} batches: exported in ${took}, ${size}, at most ${peakMb} MB`);
  return (await verifiesFlat(out, folder)) && verifies(out, 'verify.py', 'python3');
}

async function verifiesFlat(pack: string, cwd: string): Promise<boolean> {
  const args = [pack, '--key', testSigner().vkey, '--no-seen'];
  try {
    const { wallMs, peakMb } = await run('../../src/audit/verify.mjs', args, { cwd });
    peaks.verify.push(peakMb);
    console.log(`  verify.mjs: exit 0 in ${(wallMs / 1000).toFixed(2)} s, at most ${peakMb} MB`);
    return true;
  } catch (error) {
    console.log(String(error));
    return false;
  }
}

function verifies(pack: string, file: string, program: string): boolean {
  const path = join(import.meta.dirname, '../../src/audit', file);
  const start = performance.now();
  const args = [path, pack, '--key', testSigner().vkey, '--no-seen'];
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  console.log(`  ${file}: exit ${status} in ${seconds(start)}`);
  if (status !== 0) console.log(stdout.slice(0, 2000));
  return status === 0;
}

/** Resident memory at its highest, MB, of each export and of verify.mjs on what it wrote. */
const peaks = { export: [] as number[], verify: [] as number[] };
const outcomes: boolean[] = [];
for (const count of sizes.length > 0 ? sizes : [5000, 100_000]) outcomes.push(await trial(count));
const growth = (['export', 'verify'] as const).map((what) => ({
  what,
  grown: Math.max(...peaks[what]) - Math.min(...peaks[what]),
}));
const grew = growth.filter(({ what, grown }) => grown > MOST_MB[what]);
for (const { what, grown } of grew)
  console.log(
    `${what}: memory grew by ${grown} MB with the number of records, at most ${MOST_MB[what]} MB are allowed`,
  );
process.exitCode = outcomes.every(Boolean) && grew.length === 0 ? 0 : 1;
