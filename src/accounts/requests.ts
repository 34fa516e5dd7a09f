import { canonicalJson, sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import {
  addRequest,
  claimRequest,
  closeRequest,
  decideRequest,
  liveRequest,
  type RequestRow,
  readRequest,
  useRequest,
} from '../store/requests.ts';
import { findUser } from '../store/users.ts';
import { isPerson, type Principal, personOf } from './principal.ts';

/** What is to be approved: a kind such as `resync` and everything that the approver's yes stands for, to the letter. */
export interface Matter {
  readonly kind: string;
  readonly detail: JsonObject;
}

export interface Asking extends Matter {
  /** Actor of the log. */
  readonly by: string;
  readonly reason: string;
  readonly now: Date;
}

/** From Friday to Monday. */
const VALID_MS = 72 * 3_600_000;

/** Lower-case hex. */
export const matterDigest = ({ kind, detail }: Matter): string => sha256(canonicalJson([kind, detail]));

/**
 * Asks for a second person. The same matter asked again, by whomever, is the one request that is open already; one that was
 * asked without a log-in is claimed by the first person who asks the same.
 */
export async function askApproval(tx: Tx, asking: Asking): Promise<RequestRow> {
  const digest = matterDigest(asking);
  const before = await liveOf(tx, digest, asking.now);
  if (before !== undefined) return isPerson(asking.by) && isNameless(before) ? claimOpen(tx, before, asking) : before;
  const { kind, detail, by, reason, now } = asking;
  const expiresAt = new Date(now.getTime() + VALID_MS).toISOString();
  const added = await addRequest(tx, {
    kind,
    digest,
    detail,
    askedBy: by,
    reason,
    askedAt: now.toISOString(),
    expiresAt,
  });
  const request = await liveRequest(tx, digest);
  if (request === undefined) throw new Error(`request ${digest} was not kept`);
  if (added) await note(tx, request, { actor: by, action: 'asked', now, reason });
  return request;
}

/**
 * The approval of this very matter, used up by this call: `undefined` unless a second person said yes, still may, and the
 * time for it has not run out. In the transaction of what it allows.
 */
export async function takeApproved(
  tx: Tx,
  { by, now, ...matter }: Omit<Asking, 'reason'>,
): Promise<RequestRow | undefined> {
  const request = await liveOf(tx, matterDigest(matter), now);
  if (request?.state !== 'approved' || request.decidedBy === null) return undefined;
  const flaw = isNameless(request)
    ? '申请人未登录，无人认领 (asked without a log-in, claimed by nobody)'
    : (await mayApprove(tx, request.decidedBy))
      ? undefined
      : `${request.decidedBy} 已不是审批员 (is no approver any more)`;
  if (flaw !== undefined) {
    await closeRequest(tx, request.id, 'superseded');
    await note(tx, request, { actor: by, action: 'void', now, reason: flaw });
    return undefined;
  }
  if (!(await useRequest(tx, request.id, now.toISOString()))) return undefined;
  await note(tx, request, { actor: by, action: 'used', now });
  return request;
}

/** Takes the approval if it is there, else asks for it: the whole of what a use case needs of a second person. */
export async function secondPerson(
  tx: Tx,
  asking: Asking,
): Promise<{ readonly approved: RequestRow } | { readonly waiting: RequestRow }> {
  const approved = await takeApproved(tx, asking);
  return approved === undefined ? { waiting: await askApproval(tx, asking) } : { approved };
}

/** Nobody stands for it by name: who asked was not logged in, so nobody can tell whether the approver is somebody else. */
export const isNameless = ({ askedBy, claimedBy }: RequestRow): boolean => claimedBy === null && !isPerson(askedBy);

/** Why the command ends here and how it goes on. */
export const waitingFor = (request: RequestRow): HubError =>
  new HubError(
    'APPROVAL_OPEN',
    `申请 ${request.id}（${request.kind}）等待第二人审批 (request ${request.id} waits for a second person)`,
    {
      remedy: 'give-up',
      fix: `${wayOn(request)}，然后重新运行本命令 (then run this again)`,
    },
  );

/** Who does what next about a request that waits. */
const wayOn = (request: RequestRow): string => {
  const yes = `审批员运行 hub approve ${request.id} --reason "…" (an approver runs hub approve ${request.id})`;
  return isNameless(request) && request.state === 'open' ? `${claimFix(request.id)}；${yes}` : yes;
};

const claimFix = (id: number): string =>
  `提出者登录后运行 hub approve claim ${id} --reason "…" (who asks logs in and runs hub approve claim ${id})`;

/**
 * A person who is logged in stands for a request that was asked at the host's shell or by the hub itself, and can then not
 * be the one who approves it. Throws HubError APPROVAL_…
 */
export async function claim(
  db: Db,
  id: number,
  { by, reason, now }: { readonly by: string; readonly reason: string; readonly now: Date },
): Promise<RequestRow> {
  if (!isPerson(by)) throw notLoggedIn();
  return inTransaction(db, async (tx) => {
    const request = await readRequest(tx, id);
    if (request === undefined) throw unknown(id);
    if (request.state !== 'open') throw closed(id, request.state);
    if (!isNameless(request)) throw alreadyNamed(request);
    return claimOpen(tx, request, { by, reason, now });
  });
}

async function claimOpen(
  tx: Tx,
  request: RequestRow,
  { by, reason, now }: { readonly by: string; readonly reason: string; readonly now: Date },
): Promise<RequestRow> {
  const first = await claimRequest(tx, request.id, { by, reason, at: now.toISOString() });
  if (first) await note(tx, request, { actor: by, action: 'claimed', now, reason });
  return (await readRequest(tx, request.id)) ?? request;
}

export interface Decision {
  readonly principal: Principal;
  readonly approve: boolean;
  readonly reason: string;
  readonly now: Date;
}

/** Yes or no of a second person. Every refused try is logged. Throws HubError APPROVAL_… */
export async function decide(db: Db, id: number, decision: Decision): Promise<RequestRow> {
  const { principal, approve, reason, now } = decision;
  const request = await readRequest(db, id);
  const wrong = request === undefined ? unknown(id) : objection(request, principal, now);
  if (wrong !== undefined) {
    const detail = { request: id, code: wrong.code };
    await inTransaction(db, (tx) =>
      appendLog(tx, now, [{ actor: principal.actor, action: 'approval.denied', detail }]),
    );
    throw wrong;
  }
  const state = approve ? 'approved' : 'refused';
  await inTransaction(db, async (tx) => {
    const first = await decideRequest(tx, id, { state, by: principal.actor, reason, at: now.toISOString() });
    if (!first || request === undefined) throw closed(id, 'open');
    await note(tx, request, { actor: principal.actor, action: state, now, reason });
  });
  return (await readRequest(db, id)) ?? Promise.reject(unknown(id));
}

function objection(request: RequestRow, { actor, roles, breakGlass }: Principal, now: Date): HubError | undefined {
  if (breakGlass || !roles.includes('approver')) return notApprover();
  const standing = [request.askedBy, ...(request.claimedBy === null ? [] : [request.claimedBy])];
  if (standing.some((one) => personOf(one) === personOf(actor))) return ownRequest(request.id);
  if (request.state === 'open' && isNameless(request)) return nameless(request);
  if (request.state !== 'open') return closed(request.id, request.state);
  return request.expiresAt <= now.toISOString() ? closed(request.id, 'expired') : undefined;
}

/** The live request of a digest; one whose time ran out is closed on the way. */
async function liveOf(tx: Tx, digest: string, now: Date): Promise<RequestRow | undefined> {
  const request = await liveRequest(tx, digest);
  if (request === undefined || request.expiresAt > now.toISOString()) return request;
  await closeRequest(tx, request.id, 'expired');
  await note(tx, request, { actor: 'hub', action: 'expired', now });
  return undefined;
}

async function mayApprove(tx: Tx, actor: string): Promise<boolean> {
  const user = actor.startsWith('user:') ? await findUser(tx, actor.slice('user:'.length)) : undefined;
  return user?.state === 'active' && user.roles.includes('approver');
}

interface Note {
  readonly actor: string;
  readonly action: 'asked' | 'claimed' | 'approved' | 'refused' | 'used' | 'expired' | 'void';
  readonly now: Date;
  readonly reason?: string;
}

const note = (tx: Tx, { id, kind, digest }: RequestRow, { actor, action, now, reason }: Note): Promise<void> =>
  appendLog(tx, now, [
    {
      actor,
      action: `approval.${action}`,
      detail: { request: id, kind, digest, ...(reason === undefined ? {} : { reason }) },
    },
  ]);

const unknown = (id: number): HubError =>
  new HubError('APPROVAL_UNKNOWN', `没有申请 ${id} (there is no request ${id})`, { remedy: 'give-up', fix: LIST });

const closed = (id: number, state: string): HubError =>
  new HubError('APPROVAL_CLOSED', `申请 ${id} 已是 ${state}，不能再决定 (already ${state})`, {
    remedy: 'give-up',
    fix: LIST,
  });

const LIST = '用 hub approve list 查看等待审批的申请 (see hub approve list)';

const notApprover = (): HubError =>
  new HubError('APPROVAL_DENIED', '只有登录的审批员可以审批 (only an approver who is logged in may decide)', {
    remedy: 'give-up',
    fix: '审批员先 hub login，并设 HUB_USER (the approver logs in first and sets HUB_USER)',
  });

const ownRequest = (id: number): HubError =>
  new HubError('APPROVAL_OWN', `申请 ${id} 由本人提出，须由另一人审批 (your own request: another person decides)`, {
    remedy: 'give-up',
    fix: '请另一位审批员运行 hub approve (let another approver run it)',
  });

const nameless = ({ id, askedBy }: RequestRow): HubError =>
  new HubError(
    'APPROVAL_NAMELESS',
    `申请 ${id} 由 ${askedBy} 未登录提出，不知是谁，不能审批 (request ${id} was asked without a log-in; nobody knows by whom)`,
    { remedy: 'give-up', fix: claimFix(id) },
  );

const alreadyNamed = ({ id, askedBy, claimedBy }: RequestRow): HubError =>
  new HubError(
    'APPROVAL_CLAIMED',
    `申请 ${id} 已由 ${claimedBy ?? askedBy} 负责，无须认领 (${claimedBy ?? askedBy} stands for it already)`,
    { remedy: 'give-up', fix: `由另一位审批员运行 hub approve ${id} (another approver decides on it)` },
  );

const notLoggedIn = (): HubError =>
  new HubError('APPROVAL_DENIED', '认领申请须先登录 (who claims a request is logged in)', {
    remedy: 'give-up',
    fix: '先 hub login，并设 HUB_USER (log in first and set HUB_USER)',
  });
