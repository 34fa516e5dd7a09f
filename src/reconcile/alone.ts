import type { Hub } from '../hub-context.ts';
import { dropLease, type Lease, renewLease, takeLease, thisProcess } from '../store/leases.ts';

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;

/** Does the work if no other process is at it, and keeps the lease meanwhile; `undefined` if another one is. */
export async function alone<T>(
  hub: Pick<Hub, 'db'>,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const lease = await takeLease(hub.db, name, `${thisProcess()}/${name}`, LEASE_MS);
  if (lease === undefined) return undefined;
  const lost = new AbortController();
  const renewing = setInterval(() => void renew(hub, lease, lost), RENEW_MS);
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(renewing);
    await dropLease(hub.db, lease);
  }
}

async function renew({ db }: Pick<Hub, 'db'>, lease: Lease, lost: AbortController): Promise<void> {
  const kept = await renewLease(db, lease, LEASE_MS).catch(() => true);
  if (!kept) lost.abort(new Error(`lease ${lease.name} lost`));
}
