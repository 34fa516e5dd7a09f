import type { Lease } from './leases.ts';

/** What the keeper's thread is told. */
export interface LeaseWork {
  readonly databaseUrl: string;
  readonly lease: Omit<Lease, 'found'>;
  readonly ttlMs: number;
  readonly everyMs: number;
  /** One number: until when the lease certainly holds, ns of the system's monotonic clock. */
  readonly until: SharedArrayBuffer;
}

export const NS_PER_MS = 1_000_000n;
