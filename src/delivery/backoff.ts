/** Attempts to send one batch in one retry window (delivery.md §1.7). */
export const MOST_ATTEMPTS = 8;

/** Full jitter: `rand(0, min(15 min, 2 s · 2^n))` in seconds; `random` gives 0 ≤ x < 1. */
export const backoffS = (attempts: number, random: () => number): number =>
  random() * Math.min(900, 2 * 2 ** Math.min(attempts, 20));

/** What the retry windows of a duty say of a moment; first tries do not ask. */
export interface TryWindow {
  readonly open: boolean;
  /** Names the window, or the one before it: attempts are counted per id. */
  readonly id: string;
}

/** May a failed batch be tried again now? Owner of the answer is the duty whose period the batch belongs to. */
export type MayTryNow = (now: Date) => TryWindow;

/** For jobs without a duty: always, counted per UTC hour. */
export const alwaysTry: MayTryNow = (now) => ({ open: true, id: now.toISOString().slice(0, 13) });
