import type { MemberState } from '../delivery/delivery-state.ts';
import type { Operation } from '../record.ts';
import { placeholders, type Reader, select } from './database.ts';

/** A record of the library with everything that one platform was ever told of it. */
export interface LedgerRecord {
  readonly id: number;
  readonly key: Buffer;
  readonly type: string;
  /** Oldest version first. */
  readonly deliveries: readonly LedgerDelivery[];
}

export interface LedgerDelivery {
  readonly version: number;
  readonly operation: Operation;
  readonly state: MemberState;
  /** Lower-case hex SHA-256 of the data sent. */
  readonly payloadHash: string;
  readonly idemKey: string;
  /** Null: outside of a period. */
  readonly period: string | null;
  readonly sealedAt: string;
  readonly settledAt: string | null;
}

/** Records behind a key, in its order, whether or not the platform was told of them. */
export async function ledgerAfter(
  db: Reader,
  platform: string,
  { after, limit }: { readonly after: Buffer; readonly limit: number },
): Promise<LedgerRecord[]> {
  const sql = `SELECT id, record_key AS "key", type FROM records WHERE record_key > ? ORDER BY record_key LIMIT ${limit}`;
  const records = await select<{ id: number; key: Buffer; type: string }>(db, sql, [after]);
  const told = await deliveriesOf(
    db,
    platform,
    records.map(({ id }) => Number(id)),
  );
  return records.map(({ id, key, type }) => ({ id: Number(id), key, type, deliveries: told.get(Number(id)) ?? [] }));
}

interface DeliveryRow extends Omit<LedgerDelivery, 'payloadHash'> {
  readonly recordId: number;
  readonly digest: Buffer;
}

async function deliveriesOf(
  db: Reader,
  platform: string,
  ids: readonly number[],
): Promise<Map<number, LedgerDelivery[]>> {
  const found = new Map<number, LedgerDelivery[]>();
  if (ids.length === 0) return found;
  const sql = `SELECT d.record_id AS "recordId", d.version, d.operation, d.state, d.payload_digest AS "digest",
      d.idem_key AS "idemKey", b.period, b.sealed_at AS "sealedAt", b.settled_at AS "settledAt"
    FROM deliveries d JOIN batches b ON b.seq = d.batch_seq
    WHERE d.platform = ? AND d.record_id IN (${placeholders(ids.length)}) ORDER BY d.record_id, d.version, d.rendition`;
  for (const { recordId, digest, ...rest } of await select<DeliveryRow>(db, sql, [platform, ...ids])) {
    const told = found.get(Number(recordId)) ?? [];
    told.push({ ...rest, payloadHash: digest.toString('hex') });
    found.set(Number(recordId), told);
  }
  return found;
}

/** Per type, how the newest states stand at a platform (对账: sent, accepted, rejected, pending, withdrawn). */
export interface TypeTotals {
  readonly type: string;
  readonly sent: number;
  readonly accepted: number;
  readonly rejected: number;
  /** No verdict yet. */
  readonly open: number;
  readonly conflict: number;
  readonly withdrawn: number;
  /** Records whose newest state the platform was not told. */
  readonly pending: number;
}

export async function typeTotals(db: Reader, platform: string, types: readonly string[]): Promise<TypeTotals[]> {
  if (types.length === 0) return [];
  const count = (condition: string): string => `SUM(CASE WHEN ${condition} THEN 1 ELSE 0 END)`;
  const sql = `SELECT r.type, COUNT(*) AS sent, ${count("d.state = 'accepted'")} AS accepted,
      ${count("d.state = 'rejected'")} AS rejected, ${count("d.state = 'open'")} AS "open",
      ${count("d.state = 'conflict'")} AS conflict, ${count("d.operation = 'WITHDRAW' AND d.state = 'accepted'")} AS withdrawn
    FROM deliveries d JOIN records r ON r.id = d.record_id
    WHERE d.platform = ? AND r.type IN (${placeholders(types.length)}) GROUP BY r.type`;
  const rows = await select<Omit<TypeTotals, 'pending'>>(db, sql, [platform, ...types]);
  const pending = await pendingTotals(db, platform, types);
  const told = new Map(rows.map((row) => [row.type, row]));
  return types
    .filter((type) => told.has(type) || pending.has(type))
    .map((type) => {
      const row = told.get(type);
      const number = (name: keyof Omit<TypeTotals, 'type' | 'pending'>): number => Number(row?.[name] ?? 0);
      return {
        ...{ type, sent: number('sent'), accepted: number('accepted'), rejected: number('rejected') },
        ...{ open: number('open'), conflict: number('conflict'), withdrawn: number('withdrawn') },
        pending: pending.get(type) ?? 0,
      };
    });
}

async function pendingTotals(db: Reader, platform: string, types: readonly string[]): Promise<Map<string, number>> {
  const told = 'SELECT 1 FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id';
  const sql = `SELECT r.type, COUNT(*) AS n FROM records r WHERE r.type IN (${placeholders(types.length)})
    AND NOT EXISTS (${told} AND d.version = r.newest_version)
    AND (r.newest_operation = 'UPSERT' OR EXISTS (${told})) GROUP BY r.type`;
  const rows = await select<{ type: string; n: number }>(db, sql, [...types, platform, platform]);
  return new Map(rows.map(({ type, n }) => [type, Number(n)]));
}

export const wasSentAnything = async (db: Reader, platform: string): Promise<boolean> =>
  (await select(db, 'SELECT seq FROM batches WHERE platform = ? LIMIT 1', [platform])).length > 0;

/** Row ids under which a platform accepted the newest state of each record with one of these numbers. */
export async function acceptedByNumber(
  db: Reader,
  platform: string,
  numbers: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (numbers.length === 0) return found;
  const sql = `SELECT r.id, r.number, d.idem_key AS "idemKey" FROM records r JOIN deliveries d ON d.record_id = r.id
    WHERE r.number IN (${placeholders(numbers.length)}) AND d.platform = ? AND d.state = 'accepted'
    ORDER BY r.id, d.version, d.rendition`;
  const newest = new Map<number, { readonly number: string; readonly idemKey: string }>();
  const rows = await select<{ id: number; number: string; idemKey: string }>(db, sql, [...numbers, platform]);
  for (const { id, ...row } of rows) newest.set(Number(id), row);
  for (const { number, idemKey } of newest.values()) found.set(number, [...(found.get(number) ?? []), idemKey]);
  return found;
}
