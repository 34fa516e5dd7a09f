import { canonicalJson, sha256Bytes } from '../canonical.ts';
import type { Fault } from '../fault.ts';
import type { JsonObject } from '../json.ts';
import { change, placeholders, type Reader, select, type Tx } from './database.ts';

export type Stage = 'intake' | 'outbound' | 'platform';
export type TicketState = 'open' | 'mended' | 'replaced' | 'waived' | 'released';

/** What goes into quarantine: why, whose it is to mend, and the exact bytes. */
export interface Ticket {
  readonly stage: Stage;
  readonly subject: Buffer;
  readonly job: string;
  readonly division: string;
  readonly type: string;
  readonly platform?: string | undefined;
  readonly recordId?: number | undefined;
  readonly version?: number | undefined;
  readonly batchId?: string | undefined;
  readonly intakeId?: number | undefined;
  readonly rowNo?: number | undefined;
  readonly number?: string | undefined;
  readonly name?: string | undefined;
  readonly faults: readonly Fault[];
  /** JSON of the row's fields as read. */
  readonly fields?: string | undefined;
  readonly raw?: Uint8Array | string | undefined;
}

export const subjectOf = (...parts: readonly string[]): Buffer => sha256Bytes(parts.join('\n'));

/**
 * Opens tickets; one that says the same again is only counted, one with other content or other faults replaces the open one.
 */
export async function quarantine(tx: Tx, tickets: readonly Ticket[], now: Date): Promise<void> {
  if (tickets.length === 0) return;
  const open = await openTickets(
    tx,
    tickets.map(({ subject }) => subject),
  );
  const at = now.toISOString();
  const rows: ReturnType<typeof ticketRow>[] = [];
  for (const ticket of tickets) {
    const faults = canonicalJson(ticket.faults.map((fault) => ({ ...fault })));
    const rawDigest = sha256Bytes(ticket.raw ?? faults);
    const subject = ticket.subject.toString('hex');
    const before = open.get(subject);
    if (before !== undefined && before.rawDigest === rawDigest.toString('hex') && before.faults === faults) {
      await change(tx, 'UPDATE quarantine SET times_seen = times_seen + 1, seen_at = ? WHERE id = ?', [at, before.id]);
      continue;
    }
    if (before !== undefined) await close(tx, [before.id], { state: 'replaced', by: 'hub', at });
    open.delete(subject);
    rows.push(ticketRow(ticket, faults, rawDigest, at));
  }
  for (let from = 0; from < rows.length; from += 100) await tx('quarantine').insert(rows.slice(from, from + 100));
}

/** Which of these subjects (as hex) have an open ticket. */
export const openSubjects = async (db: Reader, subjects: readonly Buffer[]): Promise<ReadonlySet<string>> =>
  new Set((await openTickets(db, subjects)).keys());

interface OpenTicket {
  readonly id: number;
  readonly rawDigest: string;
  readonly faults: string;
}

async function openTickets(tx: Reader, subjects: readonly Buffer[]): Promise<Map<string, OpenTicket>> {
  const found = new Map<string, OpenTicket>();
  for (let from = 0; from < subjects.length; from += 1000) {
    const part = subjects.slice(from, from + 1000);
    const sql = `SELECT id, subject, raw_digest, faults FROM quarantine WHERE state = 'open' AND subject IN (${placeholders(part.length)})`;
    const rows = await select<{ id: number; subject: Buffer; raw_digest: Buffer; faults: string }>(tx, sql, part);
    for (const row of rows) {
      found.set(row.subject.toString('hex'), {
        id: row.id,
        rawDigest: row.raw_digest.toString('hex'),
        faults: row.faults,
      });
    }
  }
  return found;
}

const ticketRow = (ticket: Ticket, faults: string, rawDigest: Buffer, at: string) => ({
  stage: ticket.stage,
  state: 'open',
  subject: ticket.subject,
  job: ticket.job,
  division: ticket.division,
  type: ticket.type,
  platform: ticket.platform ?? null,
  record_id: ticket.recordId ?? null,
  version: ticket.version ?? null,
  batch_id: ticket.batchId ?? null,
  intake_id: ticket.intakeId ?? null,
  row_no: ticket.rowNo ?? null,
  number: ticket.number?.slice(0, 255) ?? null,
  name: ticket.name?.slice(0, 255) ?? null,
  faults,
  fields: ticket.fields ?? null,
  raw_digest: rawDigest,
  raw: ticket.raw === undefined ? null : Buffer.from(ticket.raw),
  times_seen: 1,
  opened_at: at,
  seen_at: at,
});

/** How many tickets wait at a stage; 0 lets the hot path skip the look-up. */
export async function countOpen(
  db: Reader,
  stage: Stage,
  owner: { readonly job?: string; readonly platform?: string },
): Promise<number> {
  const query = db('quarantine').where({ stage, state: 'open' }).count({ n: '*' });
  if (owner.job !== undefined) query.where('job', owner.job);
  if (owner.platform !== undefined) query.where('platform', owner.platform);
  const [row] = await query;
  return Number(row?.['n'] ?? 0);
}

/** The corrected version has arrived (intake) or the record has passed (outbound): the tickets of these subjects are mended. */
export async function mend(tx: Tx, subjects: readonly Buffer[], now: Date): Promise<number> {
  if (subjects.length === 0) return 0;
  const open = await openTickets(tx, subjects);
  const ids = [...open.values()].map(({ id }) => id);
  if (ids.length > 0) await close(tx, ids, { state: 'mended', by: 'hub', at: now.toISOString() });
  return ids.length;
}

export interface Closing {
  readonly state: Exclude<TicketState, 'open'>;
  readonly by: string;
  readonly at: string;
  readonly reason?: string;
}

export async function close(tx: Tx, ids: readonly number[], closing: Closing): Promise<number> {
  return change(
    tx,
    `UPDATE quarantine SET state = ?, closed_by = ?, closed_at = ?, reason = ? WHERE state = 'open' AND id IN (${placeholders(ids.length)})`,
    [closing.state, closing.by, closing.at, closing.reason ?? null, ...ids],
  );
}

export interface TicketRow {
  readonly id: number;
  readonly stage: Stage;
  readonly state: TicketState;
  readonly job: string;
  readonly division: string;
  readonly type: string;
  readonly platform: string | null;
  readonly recordId: number | null;
  readonly version: number | null;
  readonly batchId: string | null;
  readonly intakeId: number | null;
  readonly rowNo: number | null;
  readonly number: string | null;
  readonly name: string | null;
  readonly faults: readonly Fault[];
  readonly timesSeen: number;
  readonly openedAt: string;
  readonly seenAt: string;
  readonly closedAt: string | null;
  readonly closedBy: string | null;
  readonly reason: string | null;
}

export interface TicketFilter {
  readonly state?: TicketState | 'all';
  readonly stage?: Stage;
  readonly job?: string;
  readonly division?: string;
  readonly platform?: string;
  readonly limit?: number;
}

/** Oldest first; without the bytes. */
export async function listQuarantine(db: Reader, filter: TicketFilter = {}): Promise<TicketRow[]> {
  const query = db('quarantine')
    .select(ticketColumns)
    .orderBy('id')
    .limit(filter.limit ?? 100);
  if (filter.state !== 'all') query.where('state', filter.state ?? 'open');
  for (const key of ['stage', 'job', 'division', 'platform'] as const) {
    const value = filter[key];
    if (value !== undefined) query.where(key, value);
  }
  return (await query).map(toTicket);
}

/** Open tickets of a division per stage. */
export async function countDivision(db: Reader, division: string): Promise<{ stage: Stage; n: number }[]> {
  const sql =
    "SELECT stage, COUNT(*) AS n FROM quarantine WHERE state = 'open' AND division = ? GROUP BY stage ORDER BY stage";
  return (await select<{ stage: Stage; n: number }>(db, sql, [division])).map(({ stage, n }) => ({
    stage,
    n: Number(n),
  }));
}

/** One ticket with the raw bytes and the fields as read. */
export async function showQuarantine(
  db: Reader,
  id: number,
): Promise<(TicketRow & { readonly raw: Buffer | null; readonly fields: JsonObject | null }) | undefined> {
  const row = await db('quarantine')
    .select([...ticketColumns, 'raw', 'fields'])
    .where({ id })
    .first();
  if (row === undefined) return undefined;
  return { ...toTicket(row), raw: row.raw, fields: row.fields === null ? null : JSON.parse(row.fields) };
}

/** Open tickets by stage, division and first fault, most frequent first. */
export async function countFaults(
  db: Reader,
): Promise<{ stage: Stage; division: string; fault: Fault; count: number }[]> {
  const groups = new Map<string, { stage: Stage; division: string; fault: Fault; count: number }>();
  const rows = await select<{ stage: Stage; division: string; faults: string; n: number }>(
    db,
    "SELECT stage, division, faults, COUNT(*) AS n FROM quarantine WHERE state = 'open' GROUP BY stage, division, faults",
  );
  for (const row of rows) {
    const fault = (JSON.parse(row.faults) as Fault[]).find(({ level }) => level === 'error');
    if (fault === undefined) continue;
    const key = `${row.stage}/${row.division}/${fault.code}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { stage: row.stage, division: row.division, fault, count: Number(row.n) });
    else group.count += Number(row.n);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

const ticketColumns = [
  'id',
  'stage',
  'state',
  'job',
  'division',
  'type',
  'platform',
  'record_id',
  'version',
  'batch_id',
  'intake_id',
  'row_no',
  'number',
  'name',
  'faults',
  'times_seen',
  'opened_at',
  'seen_at',
  'closed_at',
  'closed_by',
  'reason',
];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toTicket = (row: any): TicketRow => ({
  id: row.id,
  stage: row.stage,
  state: row.state,
  job: row.job,
  division: row.division,
  type: row.type,
  platform: row.platform,
  recordId: row.record_id === null ? null : Number(row.record_id),
  version: row.version,
  batchId: row.batch_id,
  intakeId: row.intake_id,
  rowNo: row.row_no,
  number: row.number,
  name: row.name,
  faults: JSON.parse(row.faults),
  timesSeen: row.times_seen,
  openedAt: row.opened_at,
  seenAt: row.seen_at,
  closedAt: row.closed_at,
  closedBy: row.closed_by,
  reason: row.reason,
});
