import { readSoundSetup } from '../../src/cli/setup.ts';
import { openHub } from '../../src/hub-context.ts';
import { runJob } from '../../src/run-job.ts';

/**
 * `node hub-once.ts AHEAD_MS JOB…`: the hub of this folder runs these jobs once, its clock so many ms ahead of the machine's,
 * so that waiting times (breaker, retry windows, Fridays) pass in fault runs. Prints the state of each run.
 */
const [aheadMs = '0', ...jobs] = process.argv.slice(2);
const hub = await openHub(readSoundSetup(), { now: () => new Date(Date.now() + Number(aheadMs)) });
const { signal } = new AbortController();
try {
  for (const job of jobs) console.log(JSON.stringify(await runJob(hub, job, { by: 'faults', signal })));
} finally {
  await hub.close();
}
