import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Db, inTransaction, openDatabase } from '../../src/store/database.ts';
import { appendLog } from '../../src/store/log.ts';
import { migrate } from '../../src/store/migrations.ts';
import { run } from '../bench/child.ts';
import { type HubProcess, hub } from '../support/hub-process.ts';
import { platformServer } from '../support/platform-server.ts';

/**
 * `node test/faults/log.ts`: what the log needs real processes and some time for. The memory of `hub log verify` must not grow with
 * the log; and a real `hub run`, and a running `hub serve`, must stop where nobody signed for four hours, and go on by
 * themselves once somebody does. `--no-memory` leaves the first
 * of them out. Exit 1 otherwise.
 */
const ENTRIES = [10_000, 300_000];
/** SQLite fills its 20 MB; the rest may not grow, MB. */
const MOST_MB = 60;

let bad = 0;
const judge = (good: boolean, what: string): void => {
  console.log(`${good ? '✓' : '✗'} ${what}`);
  if (!good) bad += 1;
};

async function memory(): Promise<void> {
  const peaks: number[] = [];
  for (const entries of ENTRIES) {
    const folder = mkdtempSync(join(tmpdir(), 'hub-log-'));
    const url = `sqlite:${join(folder, 'hub.db')}`;
    const env = { HUB_DATABASE_URL: url, HUB_DATA_DIR: join(folder, 'data') };
    try {
      await run('filled-log.ts', [url, String(entries)], { cwd: folder });
      const { peakMb } = await run('../../src/hub.js', ['log', 'verify', '--json'], { cwd: folder, env });
      peaks.push(peakMb);
      console.log(`hub log verify of ${entries} entries: at most ${peakMb} MB`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const grown = Math.max(...peaks) - Math.min(...peaks);
  judge(grown <= MOST_MB, `memory grew by ${grown} MB between them, at most ${MOST_MB} MB are allowed`);
}

const JOBS = {
  'pull-csv.yaml': `kind: pull
title: { zh: 归集, en: Pull }
division: 传媒机构管理处
source: { use: files, folder: "\${DROP_FOLDER}", match: "*.csv", marker: .ok }
type: licence/broadcast-production
mapping:
  number: 许可证号
  holder.name: 企业名称
  holder.creditCode: { from: 统一社会信用代码, as: credit-code }
  holder.legalRepresentative: 法定代表人
  document.title: { const: 许可决定书 }
  content: { const: 广播电视节目制作 }
  decidedOn: { from: 有效期自, as: date }
  validFrom: { from: 有效期自, as: date }
  validUntil: { from: 有效期至, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
samples:
  - raw: { 许可证号: （桂）字第00123号, 企业名称: 南宁某某文化传媒有限公司, 统一社会信用代码: 91450100MA5KA0017F, 法定代表人: 韦某某, 有效期自: 2025/04/01, 有效期至: 2027/03/31 }
    gives: { number: （桂）字第00123号 }
`,
  'push-credit-sharing.yaml': `kind: push
title: { zh: 报送, en: Push }
platform: { use: http, url: "\${CREDIT_URL}" }
types: { "licence/*": credit-sharing/licence-2018 }
`,
};
const CSV = `许可证号,企业名称,统一社会信用代码,法定代表人,有效期自,有效期至
（桂）字第00123号,南宁某某文化传媒有限公司,91450100MA5KA0017F,韦某某,2025/04/01,2027/03/31
`;

const HOUR_MS = 3_600_000;

/** A log whose first entry was placed five hours ago and never signed. */
async function aged(db: Db, now: Date): Promise<void> {
  await migrate(db);
  await db('migrations').update({ migration_time: now.getTime() - 24 * HOUR_MS });
  const entry = { actor: 'hub', action: 'run.ended', detail: {} };
  await inTransaction(db, (tx) => appendLog(tx, new Date(now.getTime() - 5 * HOUR_MS), [entry]));
  await sequenceAll(db);
  await db.destroy();
}

/** A hub whose log nobody signed for five hours, its jobs and its platform; `what` is done with them. */
async function unsigned(schedule: string, what: (bench: UnsignedBench) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-unsigned-'));
  const far = await platformServer();
  try {
    for (const name of ['jobs', 'drop']) mkdirSync(join(folder, name));
    for (const [name, text] of Object.entries(JOBS))
      writeFileSync(join(folder, 'jobs', name), name.startsWith('push') ? text + schedule : text);
    for (const [name, text] of [['a.csv', CSV] as const, ['a.csv.ok', ''] as const])
      writeFileSync(join(folder, 'drop', name), text);
    const url = `sqlite:${join(folder, 'hub.db')}`;
    await aged(await openDatabase(url), new Date());
    const settings = {
      HUB_DATABASE_URL: url,
      HUB_DATA_DIR: folder,
      HUB_JOBS_DIR: join(folder, 'jobs'),
      CREDIT_URL: far.url,
      DROP_FOLDER: join(folder, 'drop'),
    };
    const env = { ...settings, HUB_SIGNER_KEY: join(folder, 'signer.key'), HUB_LISTEN: '127.0.0.1:0' };
    await what({ env, command: (words) => hub(words, { env }), requests: () => far.requests.length });
  } finally {
    await far.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface UnsignedBench {
  readonly env: { readonly [name: string]: string };
  readonly command: (words: readonly string[]) => Promise<HubProcess>;
  /** How many the platform has had. */
  readonly requests: () => number;
}

async function stopsAndResumes({ command, requests }: UnsignedBench): Promise<void> {
  const pulled = await command(['run', 'pull-csv']);
  judge(
    pulled.code === 0,
    `pulls go on without a signature (exit ${pulled.code}) ${pulled.code === 0 ? '' : pulled.stderr}`,
  );
  const stopped = await command(['run', 'push-credit-sharing']);
  const told = /LOG_UNSIGNED/.test(stopped.stdout + stopped.stderr);
  judge(
    stopped.code === 1 && told && requests() === 0,
    `a push ends with LOG_UNSIGNED and sends nothing (exit ${stopped.code})`,
  );
  await command(['signer', 'init']);
  const signed = await command(['signer', '--once']);
  judge(signed.code === 0, `the signer signs (exit ${signed.code})`);
  const resumed = await command(['run', 'push-credit-sharing']);
  judge(
    resumed.code === 0 && requests() > 0,
    `the next push goes out by itself (exit ${resumed.code}, ${requests()} requests)`,
  );
}

const EVERY_MINUTE = 'schedule: { cron: "* * * * *" }\n';
const MINUTES_MS = 60_000;

/** The same under a service that runs on: its push waits, people are told, and it goes out once somebody signs. */
async function servedOn({ env, command, requests }: UnsignedBench): Promise<void> {
  await command(['run', 'pull-csv']);
  const service = spawn(process.execPath, [join(import.meta.dirname, '../../src/hub.js'), 'serve'], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  const over = once(service, 'exit');
  try {
    const refused = await sooner(async () => /LOG_UNSIGNED/.test((await command(['runs', '--json'])).stdout));
    judge(
      refused && requests() === 0,
      `hub serve ends a push with LOG_UNSIGNED and sends nothing (${requests()} requests)`,
    );
    const told = await sooner(async () =>
      /LOG_UNSIGNED|log:unsigned/.test((await command(['alarm', 'list', '--json'])).stdout),
    );
    judge(told, 'hub alarm list tells of it');
    await command(['signer', 'init']);
    await command(['signer', '--once']);
    const sent = await sooner(async () => requests() > 0);
    judge(sent, `once it is signed the service sends by itself (${requests()} requests)`);
  } finally {
    service.kill('SIGTERM');
    await over;
  }
}

/** Within four minutes. */
async function sooner(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + 4 * MINUTES_MS; Date.now() < until; await sleep(2000))
    if (await isTrue()) return true;
  return false;
}

await unsigned('', stopsAndResumes);
await unsigned(EVERY_MINUTE, servedOn);
if (!process.argv.includes('--no-memory')) await memory();
process.exitCode = bad === 0 ? 0 : 1;
