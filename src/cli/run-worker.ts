import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerDone } from '../engine/embedded.ts';
import type { Work } from '../engine/scheduler.ts';
import { openHub } from '../hub-context.ts';
import { listen, runJob } from '../run-job.ts';
import { readSoundSetup } from './setup.ts';

/** A worker thread of `hub serve`: one run with a database connection of its own. Any message means: come to an end. */
const { job, run, reason, period, followUpOnly, urgentOnly, listenOnly } = workerData as Work & {
  readonly followUpOnly?: boolean;
  readonly urgentOnly?: boolean;
  readonly listenOnly?: boolean;
};
const stop = new AbortController();
parentPort?.on('message', () => stop.abort(new Error('stopping')));

const hub = await openHub(readSoundSetup());
try {
  const common = { by: 'scheduler', signal: stop.signal };
  if (listenOnly) await listen(hub, job, common);
  else
    await runJob(hub, job, {
      ...common,
      run,
      ...(reason === undefined ? {} : { reason }),
      ...(period === undefined ? {} : { period }),
      ...(followUpOnly === undefined ? {} : { followUpOnly }),
      ...(urgentOnly === undefined ? {} : { urgentOnly }),
    });
  parentPort?.postMessage({ done: true } satisfies WorkerDone);
} finally {
  await hub.close();
  parentPort?.close();
}
