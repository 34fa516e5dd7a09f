import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { scratchFolder } from './support/scratch.ts';

// Set here, not in `env`: the database server that all files share, and every program that a test starts, inherit it.
const scratch = scratchFolder();
if (scratch !== undefined) process.env['TMPDIR'] = scratch;
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/hub', import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: [fileURLToPath(new URL('support/global-setup.ts', import.meta.url))],
    pool: 'forks',
    // Two cores; most files wait for servers and processes for a good part of their time.
    maxWorkers: 2,
    env: { TZ: 'UTC' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
