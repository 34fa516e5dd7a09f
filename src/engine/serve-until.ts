import { once } from 'node:events';
import type { Trace } from '../trace.ts';
import type { EmbeddedEngine } from './embedded.ts';
import type { Scheduler } from './scheduler.ts';

export interface ServeParts {
  readonly scheduler: Scheduler;
  readonly engine: EmbeddedEngine;
  readonly trace: Trace;
  /** Aborted when the process should end (SIGINT, SIGTERM). */
  readonly signal: AbortSignal;
  /** Called as soon as times that come due are seen, e.g. to print the address. */
  readonly ready: () => void;
}

/** Less than pm2's kill_timeout of 30 s, so that the process ends in order and not by SIGKILL. */
const DRAIN_MS = 25_000;

/** Schedules and works until the signal, then lets runs come to their end; what takes longer goes on at the next start. */
export async function serveUntil({ scheduler, engine, trace, signal, ready }: ServeParts): Promise<void> {
  const begun = scheduler.start();
  begun.catch((error: unknown) => trace.error('scheduler-failed', { error: String(error) }));
  ready();
  if (!signal.aborted) await once(signal, 'abort');
  trace.info('stopping');
  const over = scheduler.stop();
  const { cutOff } = await engine.drain(DRAIN_MS);
  if (cutOff > 0) trace.warn('runs-cut-off', { runs: cutOff });
  await over;
}
