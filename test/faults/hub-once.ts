import { existsSync, writeFileSync } from 'node:fs';
import { exportPack } from '../../src/audit/export-pack.ts';
import { databasePeriodBook } from '../../src/cli/period-book.ts';
import { databaseRunBook } from '../../src/cli/run-book.ts';
import { readSoundSetup } from '../../src/cli/setup.ts';
import { createScheduler, type Work } from '../../src/engine/scheduler.ts';
import { settleLog } from '../../src/evidence/keep-log.ts';
import { createKeyFile, signerFiles } from '../../src/evidence/signer-files.ts';
import { type Hub, openHub } from '../../src/hub-context.ts';
import { dueNow } from '../../src/push/due-now.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunOptions } from '../../src/run-options.ts';

/**
 * One process of the hub of this folder, its clock so many ms ahead of the machine's, so that waiting times (breaker, retry
 * windows, Fridays) pass in fault runs:
 * `node hub-once.ts AHEAD_MS run JOB…` runs these jobs once; `… ring` does what `hub serve` does when it starts and in its first
 * minutes; `… export FOLDER` writes the whole log as an evidence pack.
 */
const [aheadMs = '0', what = '', ...words] = process.argv.slice(2);
const setup = readSoundSetup();
const { signerKey, hubId, timezone } = setup.settings;
// The auditors' copy of the public key, as it would be on paper.
if (!existsSync(signerKey)) writeFileSync('vkey', createKeyFile(signerKey, `${hubId}/delivery-log`).vkey);
const signer = signerFiles(signerKey);
const now = (): Date => new Date(Date.now() + Number(aheadMs));
const { signal } = new AbortController();

const hub = await openHub(setup, { now, signer });
try {
  await settleLog(hub.db, signer, now());
  if (what === 'run') for (const job of words) await run(hub, job, {});
  if (what === 'ring') await ring(hub);
  await settleLog(hub.db, signer, now());
  if (what === 'export')
    await exportPack({ kind: 'log', value: '' }, words[0] ?? '', {
      ...{ db: hub.db, hubId, timezone, actor: 'shell:faults', now, signal, waitMs: 0 },
    });
} finally {
  await hub.close();
}

async function run(hub: Hub, job: string, options: Partial<RunOptions>): Promise<void> {
  await runJob(hub, job, { by: 'faults', signal, ...options });
}

/** Everything that is owed at this moment, then what cannot wait for the next Friday. */
async function ring(hub: Hub): Promise<void> {
  const engine = { run: ({ job, ...work }: Work) => run(hub, job, { by: 'scheduler', ...work }) };
  const { jobs, trace } = hub;
  const [book, periods] = [databaseRunBook(hub), databasePeriodBook(hub)];
  const scheduler = createScheduler({ jobs, zone: timezone, book, periods, engine, now, trace });
  await scheduler.start();
  await scheduler.stop();
  for (const { job, urgent } of await dueNow(hub)) {
    const reason = urgent ? '撤下不等周五 (a withdrawal waits for no Friday)' : '取回执、重试 (trying again)';
    const id = await book.startAgain(job, reason);
    await run(hub, job.name, { run: id, reason, ...(urgent ? { urgentOnly: true } : { followUpOnly: true }) });
  }
}
