import { canonicalJson } from '../canonical.ts';
import type { JsonObject } from '../json.ts';
import { change, type Reader, type Tx } from './database.ts';

/** open → approved → used, or open → refused; what nobody decides or uses in time is expired; superseded by a newer one. */
export type RequestState = 'open' | 'approved' | 'refused' | 'used' | 'expired' | 'superseded';

/** Something that a second person decides. */
export interface RequestRow {
  readonly id: number;
  readonly kind: string;
  /** Lower-case hex of kind and detail. */
  readonly digest: string;
  readonly detail: JsonObject;
  readonly state: RequestState;
  readonly askedBy: string;
  readonly reason: string;
  readonly askedAt: string;
  readonly expiresAt: string;
  /** Who stands for a request that was asked without a log-in. */
  readonly claimedBy: string | null;
  readonly claimReason: string | null;
  readonly claimedAt: string | null;
  readonly decidedBy: string | null;
  readonly decisionReason: string | null;
  readonly decidedAt: string | null;
  readonly usedAt: string | null;
}

/** False where another process was quicker to ask the same (its request is `liveRequest`). */
export async function addRequest(
  tx: Tx,
  request: Pick<RequestRow, 'kind' | 'digest' | 'detail' | 'askedBy' | 'reason' | 'askedAt' | 'expiresAt'>,
): Promise<boolean> {
  const digest = Buffer.from(request.digest, 'hex');
  const row = {
    kind: request.kind,
    digest,
    open_digest: digest,
    detail: canonicalJson(request.detail),
    state: 'open',
    asked_by: request.askedBy,
    reason: request.reason,
    asked_at: request.askedAt,
    expires_at: request.expiresAt,
  };
  const [id] = await tx('requests').insert(row).onConflict('open_digest').ignore();
  return id !== 0 && id !== undefined;
}

export async function readRequest(db: Reader, id: number): Promise<RequestRow | undefined> {
  const row = await db('requests').where({ id }).first();
  return row === undefined ? undefined : toRequest(row);
}

/** The one request of this digest that is open or approved. */
export async function liveRequest(db: Reader, digest: string): Promise<RequestRow | undefined> {
  const row = await db('requests')
    .where({ open_digest: Buffer.from(digest, 'hex') })
    .first();
  return row === undefined ? undefined : toRequest(row);
}

/** Newest first. */
export async function listRequests(
  db: Reader,
  filter: { readonly kind?: string; readonly states?: readonly RequestState[]; readonly limit?: number } = {},
): Promise<RequestRow[]> {
  const query = db('requests')
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 100);
  if (filter.kind !== undefined) query.where('kind', filter.kind);
  if (filter.states !== undefined) query.whereIn('state', [...filter.states]);
  return (await query).map(toRequest);
}

/** Conditional step: false when somebody else was quicker. */
export async function decideRequest(
  tx: Tx,
  id: number,
  decision: {
    readonly state: 'approved' | 'refused';
    readonly by: string;
    readonly reason: string;
    readonly at: string;
  },
): Promise<boolean> {
  const open = decision.state === 'approved' ? '' : ', open_digest = NULL';
  const sql = `UPDATE requests SET state = ?, decided_by = ?, decision_reason = ?, decided_at = ?${open} WHERE id = ? AND state = 'open'`;
  return (await change(tx, sql, [decision.state, decision.by, decision.reason, decision.at, id])) === 1;
}

/** A person takes an unclaimed open request over: true for the one that was first. */
export const claimRequest = async (
  tx: Tx,
  id: number,
  { by, reason, at }: { readonly by: string; readonly reason: string; readonly at: string },
): Promise<boolean> =>
  (await change(
    tx,
    "UPDATE requests SET claimed_by = ?, claim_reason = ?, claimed_at = ? WHERE id = ? AND state = 'open' AND claimed_by IS NULL",
    [by, reason, at, id],
  )) === 1;

/** Takes an approval out of the world: true for the one caller that got it. */
export const useRequest = async (tx: Tx, id: number, at: string): Promise<boolean> =>
  (await change(
    tx,
    "UPDATE requests SET state = 'used', used_at = ?, open_digest = NULL WHERE id = ? AND state = 'approved'",
    [at, id],
  )) === 1;

export const closeRequest = async (tx: Tx, id: number, state: 'expired' | 'superseded'): Promise<boolean> =>
  (await change(
    tx,
    "UPDATE requests SET state = ?, open_digest = NULL WHERE id = ? AND state IN ('open', 'approved')",
    [state, id],
  )) === 1;

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toRequest = (row: any): RequestRow => ({
  id: Number(row.id),
  kind: row.kind,
  digest: row.digest.toString('hex'),
  detail: JSON.parse(row.detail),
  state: row.state,
  askedBy: row.asked_by,
  reason: row.reason,
  askedAt: row.asked_at,
  expiresAt: row.expires_at,
  claimedBy: row.claimed_by,
  claimReason: row.claim_reason,
  claimedAt: row.claimed_at,
  decidedBy: row.decided_by,
  decisionReason: row.decision_reason,
  decidedAt: row.decided_at,
  usedAt: row.used_at,
});
