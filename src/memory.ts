import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

/**
 * A small server does other things too: collect garbage early rather than grow to what the machine has. What loading has made
 * of V8's young generation is enough, and the old one grows in steps of 35 %. Only from within: given on the command line, V8
 * does not heed the first of the two.
 */
export function keepMemorySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=35');
}

/**
 * A thread that works through much. V8 begins a young generation at 1 MB, and under `keepMemorySmall` it would stay there and copy for
 * ever (measured: a third more time for a push, an eighth for a pull); this one begins with what it needs, and has no more.
 */
export function openThread(file: URL, workerData: unknown): Worker {
  setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MB}`);
  return new Worker(file, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 3 * SEMI_SPACE_MB } });
}

const SEMI_SPACE_MB = 8;
