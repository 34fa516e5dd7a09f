import { existsSync } from 'node:fs';
import { readSoundSetup } from '../../src/cli/setup.ts';
import { settleLog } from '../../src/evidence/keep-log.ts';
import { createKeyFile, signerFiles } from '../../src/evidence/signer-files.ts';
import { openHub } from '../../src/hub-context.ts';
import { runJob } from '../../src/run-job.ts';

/**
 * `node hub-once.ts AHEAD_MS JOB…`: the hub of this folder runs these jobs once, its clock so many ms ahead of the machine's,
 * so that waiting times (breaker, retry windows, Fridays) pass in fault runs. Prints the state of each run.
 */
const [aheadMs = '0', ...jobs] = process.argv.slice(2);
const setup = readSoundSetup();
const { signerKey, hubId } = setup.settings;
if (!existsSync(signerKey)) createKeyFile(signerKey, `${hubId}/delivery-log`);
const signer = signerFiles(signerKey);
const now = (): Date => new Date(Date.now() + Number(aheadMs));
const hub = await openHub(setup, { now, signer });
const { signal } = new AbortController();
try {
  await settleLog(hub.db, signer, now());
  for (const job of jobs) console.log(JSON.stringify(await runJob(hub, job, { by: 'faults', signal })));
  await settleLog(hub.db, signer, now());
} finally {
  await hub.close();
}
