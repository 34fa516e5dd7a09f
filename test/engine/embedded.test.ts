import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/engine/embedded.ts';

interface Bundle {
  readonly engine: EmbeddedEngine;
  readonly lines: () => string[];
  /** Resolves when the workers have written this line. */
  readonly saw: (line: string) => Promise<void>;
}

function bundle(concurrency?: number): Bundle {
  const folder = mkdtempSync(join(tmpdir(), 'hub-engine-'));
  const file = join(folder, 'marks');
  const data = { file };
  const engine = createEmbeddedEngine({
    worker: new URL('./worker.ts', import.meta.url),
    data,
    ...(concurrency ? { concurrency } : {}),
  });
  onTestFinished(async () => {
    await engine.drain(0);
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  const saw = (line: string): Promise<void> =>
    new Promise((resolve) => {
      const watcher = watch(folder, () => look());
      const look = (): void => {
        if (!lines().includes(line)) return;
        watcher.close();
        resolve();
      };
      look();
    });
  return { engine, lines, saw };
}

test('a run happens in a thread of its own', async () => {
  const { engine, lines } = bundle();
  await engine.run({ job: 'quick', run: 1 });
  expect(lines()).toEqual(['quick in a thread', 'quick ended']);
});

test('a worker that throws or vanishes is an error of that run alone', async () => {
  const { engine } = bundle();
  await expect(engine.run({ job: 'crashing', run: 1 })).rejects.toThrow('crashed on purpose');
  await expect(engine.run({ job: 'vanishing', run: 2 })).rejects.toThrow('3');
  await engine.run({ job: 'quick', run: 3 });
});

test('a drain lets a run come to its end and refuses new ones', async () => {
  const { engine, lines, saw } = bundle();
  const run = engine.run({ job: 'patient', run: 1 });
  await saw('patient in a thread');
  expect(await engine.drain(10_000)).toEqual({ cutOff: 0 });
  await run;
  expect(lines().at(-1)).toBe('patient ended');
  await expect(engine.run({ job: 'quick', run: 2 })).rejects.toThrow('正在停止');
});

test('a run that does not end in time is cut off', async () => {
  const { engine, saw } = bundle();
  const run = engine.run({ job: 'deaf', run: 1 });
  await saw('deaf in a thread');
  const rejected = expect(run).rejects.toThrow();
  expect(await engine.drain(200)).toEqual({ cutOff: 1 });
  await rejected;
});

test('runs beyond the limit wait for a free place', async () => {
  const { engine, lines, saw } = bundle(1);
  const first = engine.run({ job: 'patient', run: 1 });
  await saw('patient in a thread');
  const second = engine.run({ job: 'quick', run: 2 });
  const refused = expect(second).rejects.toThrow('正在停止');
  expect(lines()).toEqual(['patient in a thread']);
  await engine.drain(10_000);
  await Promise.all([first, refused]);
});
