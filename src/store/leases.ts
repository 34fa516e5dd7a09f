import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { change, type Db, inTransaction, isSqlite, type Reader, select, type Tx } from './database.ts';

/** The lease under which one process at a time delivers to a platform. */
export const pushLease = (platform: string): string => `push:${platform}`;

/** `host/pid/process start`: enough to see on the same host that a holder is dead. */
export const thisProcess = (): string => `${hostname()}/${process.pid}/${started}`;

interface ProcessState {
  /** Clock ticks since boot. */
  readonly start: string | undefined;
  /** Ended, but whoever started it has not taken note: it does nothing any more. */
  readonly ended: boolean;
}

/** Linux only; `undefined` where there is no such process or no /proc. */
function processState(pid: number): ProcessState | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { start: fields[19], ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined;
  }
}

const started = processState(process.pid)?.start ?? 0;

/** True only when the holder ran on this host and is certainly gone. */
export function isDead(holder: string): boolean {
  const [host, pidText, start] = holder.split('/');
  if (host !== hostname()) return false;
  const pid = Number(pidText);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
  const now = processState(pid);
  if (now === undefined) return false;
  return now.ended || (start !== '0' && now.start !== start);
}

/** Database clock in ms since 1970: two hosts' own clocks may differ. */
async function databaseNow(db: Reader): Promise<number> {
  const sql = isSqlite(db)
    ? "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS ms"
    : 'SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) AS ms';
  const [row] = await select<{ ms: number }>(db, sql);
  return Number(row?.ms);
}

export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Grows by one with every new holder; state writes of an older epoch are refused. */
  readonly epoch: number;
  /** What was found: free, held by a process of this host that is certainly gone, or run out (its holder may still live). */
  readonly found: 'free' | 'dead' | 'expired';
}

/** A lease that nobody ever had has no row to lock (MySQL): of two that insert it, the second hears that it is there. */
function refusedAsTaken(error: unknown): false {
  if (error instanceof Error && 'code' in error && error.code === 'ER_DUP_ENTRY') return false;
  throw error;
}

/** Takes a lease if it is free, expired, or its holder is a dead process of this host; `undefined` if another has it. */
export async function takeLease(db: Db, name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
  return inTransaction(db, async (tx) => {
    const lock = isSqlite(tx) ? '' : ' FOR UPDATE';
    const now = await databaseNow(tx);
    const [row] = await select<{ holder: string; epoch: number; expires_ms: number }>(
      tx,
      `SELECT holder, epoch, expires_ms FROM leases WHERE name = ?${lock}`,
      [name],
    );
    if (row === undefined) {
      const first = await tx('leases')
        .insert({ name, holder, epoch: 1, expires_ms: now + ttlMs })
        .then(() => true, refusedAsTaken);
      return first ? { name, holder, epoch: 1, found: 'free' } : undefined;
    }
    const found = stateOf(row.holder, Number(row.expires_ms) <= now);
    if (found === undefined) return undefined;
    const epoch = row.epoch + 1;
    await change(tx, 'UPDATE leases SET holder = ?, epoch = ?, expires_ms = ? WHERE name = ? AND epoch = ?', [
      holder,
      epoch,
      now + ttlMs,
      name,
      row.epoch,
    ]);
    return { name, holder, epoch, found };
  });
}

/** Undefined: somebody has it. */
function stateOf(holder: string, expired: boolean): Lease['found'] | undefined {
  if (holder === '') return 'free';
  if (isDead(holder)) return 'dead';
  return expired ? 'expired' : undefined;
}

/** Has anybody who is not certainly gone this lease now? */
export async function isHeld(db: Reader, name: string): Promise<boolean> {
  const sql = 'SELECT holder, expires_ms FROM leases WHERE name = ?';
  const [row] = await select<{ holder: string; expires_ms: number }>(db, sql, [name]);
  return row !== undefined && stateOf(row.holder, Number(row.expires_ms) <= (await databaseNow(db))) === undefined;
}

/** False when the lease was lost to another holder. */
export async function renewLease(db: Db, lease: Omit<Lease, 'found'>, ttlMs: number): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const now = await databaseNow(tx);
    const sql = 'UPDATE leases SET expires_ms = ? WHERE name = ? AND holder = ? AND epoch = ?';
    return (await change(tx, sql, [now + ttlMs, lease.name, lease.holder, lease.epoch])) === 1;
  });
}

/** The same lease under a higher epoch: where what it guards remembers a higher one than a restored table of leases does. */
export async function raiseLease(db: Db, lease: Lease, epoch: number): Promise<Lease | undefined> {
  const sql = 'UPDATE leases SET epoch = ? WHERE name = ? AND holder = ? AND epoch = ?';
  const raised = await inTransaction(db, (tx) => change(tx, sql, [epoch, lease.name, lease.holder, lease.epoch]));
  return raised === 1 ? { ...lease, epoch } : undefined;
}

export async function dropLease(db: Db, lease: Lease): Promise<void> {
  const sql = "UPDATE leases SET holder = '', expires_ms = 0 WHERE name = ? AND holder = ? AND epoch = ?";
  await inTransaction(db, (tx) => change(tx, sql, [lease.name, lease.holder, lease.epoch]));
}

/**
 * Whether another process has taken the lease since: asked in the transaction of a write that no older epoch may make, which then
 * holds off whoever wants to take it until that write is committed.
 */
export async function isOvertaken(tx: Tx, name: string, epoch: number): Promise<boolean> {
  const lock = isSqlite(tx) ? '' : ' LOCK IN SHARE MODE';
  const [row] = await select<{ epoch: number }>(tx, `SELECT epoch FROM leases WHERE name = ?${lock}`, [name]);
  return row !== undefined && row.epoch > epoch;
}
