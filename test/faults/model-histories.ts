import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const HISTORIES = 10_000;

/** F51: the protocol's model (test/protocol/model.ts) over many more histories than `npm test` takes, other ones each seed. */
export function modelHistories(seed: number, histories: number = HISTORIES): boolean {
  const env = { ...process.env, HUB_MODEL_RUNS: String(histories), HUB_MODEL_SEED: String(seed) };
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.ts',
    'test/protocol/model.test.ts',
  ];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' });
  console.log(
    `F51   ${histories} histories of the protocol's model, seed ${seed}: ${status === 0 ? 'all as the model says' : 'broken'}`,
  );
  if (status !== 0) console.log(stdout.slice(-4000));
  return status === 0;
}
