import { appendFileSync } from 'node:fs';
import { parentPort, threadId, workerData } from 'node:worker_threads';

/** A worker whose behaviour is data: `job` names it. */
const { job, file } = workerData as { readonly job: string; readonly file: string };
const mark = (word: string): void => appendFileSync(file, `${job} ${word}\n`);
const end = (): void => {
  mark('ended');
  parentPort?.postMessage({ done: true });
  parentPort?.close();
};

mark(threadId > 0 ? 'in a thread' : 'in the process');
if (job === 'quick') end();
else if (job === 'crashing') throw new Error('crashed on purpose');
else if (job === 'vanishing') process.exit(3);
else parentPort?.on('message', job === 'deaf' ? () => mark('heard') : end);
