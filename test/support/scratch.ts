import { existsSync, statfsSync } from 'node:fs';

const MEMORY = '/dev/shm';
const NEEDED = 2 ** 30;

/**
 * Where tests keep their files: in memory where the machine has a roomy folder for that, so that thousands of small commits
 * wait for no disk. A killed process loses nothing there either; what a power cut would do no test here can tell.
 * undefined: the system's temporary folder. TMPDIR of the environment wins.
 */
export function scratchFolder(): string | undefined {
  if (process.env['TMPDIR'] !== undefined || !existsSync(MEMORY)) return undefined;
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize >= NEEDED && process.availableMemory() >= 4 * NEEDED ? MEMORY : undefined;
}
