import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedEngine } from '../../src/engine/embedded.ts';
import { createScheduler, type RunBook } from '../../src/engine/scheduler.ts';
import { serveUntil } from '../../src/engine/serve-until.ts';
import type { PullJob } from '../../src/job/job.ts';
import { silentTrace } from '../../src/trace.ts';

test('serving ends when it is told to, after the run under way has come to its end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hub-serve-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const stop = new AbortController();
  const said: string[] = [];
  const book: RunBook = {
    lastDueAt: async () => undefined,
    claim: async (_job, _dueAt, { state }) => (state === 'running' ? 1 : 2),
    cutOff: async () => [],
    isReading: async () => false,
    startAgain: async () => 3,
    markDied: async (_run, reason) => void said.push(reason),
  };
  const worker = new URL('./worker.ts', import.meta.url);
  const embedded = createEmbeddedEngine({ worker, data: { file: join(folder, 'marks') } });
  const engine = {
    ...embedded,
    run: async (work: Parameters<typeof embedded.run>[0]) => {
      const run = embedded.run(work);
      stop.abort();
      await run;
      said.push('ended');
    },
  };
  // Its name tells the worker to wait until it is asked to stop.
  const job = { kind: 'pull', name: 'patient', schedule: { cron: '0 2 * * *', catchUpS: 90_000 } } as PullJob;
  const scheduler = createScheduler({
    jobs: [job],
    zone: 'Asia/Shanghai',
    book,
    periods: { tick: async () => {}, owed: async () => undefined, extraPush: async () => undefined },
    engine,
    now: () => new Date(),
    trace: silentTrace,
  });
  await serveUntil({ scheduler, engine, trace: silentTrace, signal: stop.signal, ready: () => said.push('ready') });
  expect(said).toEqual(['ready', 'ended']);
});
