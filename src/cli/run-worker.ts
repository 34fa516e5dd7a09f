import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerDone } from '../engine/embedded.ts';
import type { Work } from '../engine/scheduler.ts';
import { openHub } from '../hub-context.ts';
import { runJob } from '../run-job.ts';
import { readSoundSetup } from './setup.ts';

/** A worker thread of `hub serve`: one run with a database connection of its own. Any message means: come to an end. */
const { job, run, reason, period, followUpOnly } = workerData as Work & { readonly followUpOnly?: boolean };
const stop = new AbortController();
parentPort?.on('message', () => stop.abort(new Error('stopping')));

const hub = await openHub(readSoundSetup());
try {
  await runJob(hub, job, {
    run,
    by: 'scheduler',
    signal: stop.signal,
    ...(reason === undefined ? {} : { reason }),
    ...(period === undefined ? {} : { period }),
    ...(followUpOnly === undefined ? {} : { followUpOnly }),
  });
  parentPort?.postMessage({ done: true } satisfies WorkerDone);
} finally {
  await hub.close();
  parentPort?.close();
}
