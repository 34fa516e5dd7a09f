import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase, select } from '../../src/store/database.ts';
import { run } from './child.ts';
import { PAGE_ROWS, rawLicence } from './records.ts';

export interface HubRun {
  readonly counts: { readonly [name: string]: number };
  /** Fault code → records. */
  readonly faults: { readonly [code: string]: number };
  /** From the run's own start to its end, as the database has them; the start of the process is not in it. */
  readonly ms: number;
  readonly wallMs: number;
  readonly peakMb: number;
}

export interface BenchHub {
  run(job: 'pull-bench' | 'push-bench'): Promise<HubRun>;
  /** The settings that make a commit durable, read back over a connection opened as the hub opens it. */
  durable(): Promise<string>;
}

/** A hub of its own in this folder, with one pull job and one push job, driven as an operator would: `hub run JOB`. */
export function benchHub(
  folder: string,
  database: string,
  addresses: { readonly source: string; readonly platform: string },
  options: { readonly log?: 'off' } = {},
): BenchHub {
  const jobs = join(folder, 'jobs');
  mkdirSync(jobs, { recursive: true });
  writeFileSync(join(jobs, 'pull-bench.yaml'), pullJob(addresses.source));
  writeFileSync(join(jobs, 'push-bench.yaml'), pushJob(addresses.platform));
  const env = {
    HUB_DATABASE_URL: database,
    HUB_DATA_DIR: join(folder, 'data'),
    HUB_JOBS_DIR: jobs,
    HUB_SCHEMAS_DIR: fileURLToPath(new URL('../../schemas', import.meta.url)),
    BENCH_TOKEN: 'bench-token-of-no-value',
    ...(options.log === 'off' ? { NODE_OPTIONS: `--import ${new URL('without-log.ts', import.meta.url)}` } : {}),
  };
  const hub = (...args: string[]) => run('../../src/hub.js', args, { cwd: folder, env });
  return {
    run: async (job) => {
      const { stdout, wallMs, peakMb } = await hub('run', job, '--json');
      const [report] = JSON.parse(stdout) as { counts: HubRun['counts']; faults: HubRun['faults'] }[];
      const [row] = JSON.parse((await hub('runs', '--job', job, '--limit', '1', '--json')).stdout) as {
        startedAt: string;
        endedAt: string;
      }[];
      if (report === undefined || row === undefined) throw new Error(`no report of ${job}`);
      return {
        counts: report.counts,
        faults: report.faults,
        ms: Date.parse(row.endedAt) - Date.parse(row.startedAt),
        wallMs,
        peakMb,
      };
    },
    durable: () => durableSettings(database),
  };
}

async function durableSettings(database: string): Promise<string> {
  const db = await openDatabase(database);
  try {
    if (!database.startsWith('sqlite:')) {
      const sql = 'SELECT @@innodb_flush_log_at_trx_commit AS flush, @@log_bin AS binlog, @@sync_binlog AS sync';
      const [row] = await select<{ flush: number; binlog: number; sync: number }>(db, sql);
      return `innodb_flush_log_at_trx_commit=${row?.flush} log_bin=${row?.binlog} sync_binlog=${row?.sync}`;
    }
    const [journal] = await select<{ journal_mode: string }>(db, 'PRAGMA journal_mode');
    const [synchronous] = await select<{ synchronous: number }>(db, 'PRAGMA synchronous');
    return `journal_mode=${journal?.journal_mode} synchronous=${synchronous?.synchronous}`;
  } finally {
    await db.destroy();
  }
}

const pullJob = (url: string): string => `kind: pull
title: { zh: 测速归集, en: Bench pull }
division: 传媒机构管理处
source:
  use: http
  url: ${url}/licences
  auth: { bearer: "\${BENCH_TOKEN}" }
  items: data.rows
  total: data.total
  paging: { page: pageNo, size: pageSize, limit: ${PAGE_ROWS} }
type: licence/broadcast-production
id: id
mapping:
  number: { from: xkzbh, as: licence-number }
  holder.name: { from: qymc, as: name }
  holder.creditCode: { from: tyshxydm, as: credit-code }
  holder.legalRepresentative: { from: fddbr, as: name }
  document.number: { from: jdwsh, as: document-number }
  content: xknr
  decidedOn: { from: jdrq, as: date }
  validFrom: { from: yxqz, as: date }
  validUntil: { from: yxjz, as: date }
  status: { from: zt, lookup: { "1": valid, "2": revoked } }
  publicity: { from: gksx, as: publicity }
  secrecyReviewed: { from: bmsc, as: boolean }
  remark: bz
  revisedAt: { from: updatedAt, as: timestamp }
samples:
  - raw: ${JSON.stringify(rawLicence(0))}
    gives: { status: valid, validFrom: "2020-01-01" }
`;

const pushJob = (url: string): string => `kind: push
title: { zh: 测速报送, en: Bench push }
platform:
  use: http
  url: ${url}
  auth: { bearer: "\${BENCH_TOKEN}" }
  batchSize: 1000
  concurrency: 2
  sender: { code: 11450000007560027R, name: 广西壮族自治区广播电视局 }
types: { licence/broadcast-production: credit-sharing/licence-2018 }
`;
