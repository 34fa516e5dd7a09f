/** Remembers, by their digests, what the same program has found faultless. */
export interface Proven {
  has(digest: string): boolean;
  add(digest: string): void;
}

export const NOTHING_PROVEN: Proven = { has: () => false, add: () => undefined };
