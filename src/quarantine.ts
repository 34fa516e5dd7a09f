import { canonicalJson, sha256 } from './canonical.ts';
import { HubError } from './errors.ts';
import { isError } from './fault.ts';
import type { Hub } from './hub-context.ts';
import type { PullJob } from './job/job.ts';
import { rulesOf } from './job/rules-of.ts';
import type { JsonObject } from './json.ts';
import { compileMapping } from './mapping/mapping.ts';
import { noneKnown } from './pull/known-rows.ts';
import type { PageHead } from './pull/prepared-pages.ts';
import { type Judge, prepare } from './pull/read-row.ts';
import { type TakeIn, takeIn } from './pull/take-in.ts';
import type { RawRow } from './source.ts';
import { type Db, inTransaction, type Tx } from './store/database.ts';
import { appendLog } from './store/log.ts';
import { close, showQuarantine, type TicketRow, type TicketState } from './store/quarantine.ts';
import { addReleases, isReleasable } from './store/releases.ts';

export interface Decision {
  readonly by: string;
  readonly reason: string;
  readonly now?: Date;
}

/**
 * A person closes a ticket: personal data that may be shown is released for this version (it leaves with the next push);
 * anything else is waived: the record stays as it is and nobody is reminded of it any more. Throws HubError TICKET_….
 */
export async function waiveQuarantine(db: Db, id: number, decision: Decision): Promise<TicketState> {
  const ticket = await openTicket(db, id);
  const now = decision.now ?? new Date();
  const { recordId, version } = ticket;
  const wrong = ticket.faults.filter(isError);
  const release = ticket.stage === 'outbound' && recordId !== null && version !== null && wrong.every(isReleasable);
  const state = release ? 'released' : 'waived';
  await inTransaction(db, async (tx) => {
    if (release) {
      const at = now.toISOString();
      await addReleases(
        tx,
        wrong.map(({ code }) => ({ recordId, version, faultCode: code, by: decision.by, reason: decision.reason, at })),
      );
    }
    await closeBy(tx, ticket, state, decision, now);
  });
  return state;
}

/**
 * Tries a row of a bureau once more from what was kept of it, under today's job and schema. A person stands behind it, so a
 * content that went back to an older state is kept. Returns what it was: taken in, or why it still does not fit.
 */
export async function retryQuarantine(
  hub: Hub,
  id: number,
  decision: Decision,
): Promise<{ state: 'mended' | 'open'; ticket: TicketRow }> {
  const ticket = await openTicket(hub.db, id);
  if (ticket.stage !== 'intake') throw resentByItself(ticket);
  const fields = (await showQuarantine(hub.db, id))?.fields ?? undefined;
  const job = hub.jobs.find(
    (candidate): candidate is PullJob => candidate.kind === 'pull' && candidate.name === ticket.job,
  );
  if (fields === undefined || job === undefined) throw notKept(ticket);
  const now = decision.now ?? hub.now();
  const taken = await inTransaction(hub.db, async (tx) => {
    const { page, row, context } = onePage(hub, job, ticket, { fields, now });
    const { counts } = await takeIn(tx, page, { ...prepare([row], context), ...noneKnown }, context);
    if (counts.quarantined > 0) return false;
    await closeBy(tx, ticket, 'mended', decision, now);
    return true;
  });
  const after = await showQuarantine(hub.db, id);
  return { state: taken ? 'mended' : 'open', ticket: after ?? ticket };
}

interface OnePage {
  readonly page: PageHead;
  readonly row: RawRow;
  readonly context: Judge & TakeIn;
}

function onePage(
  hub: Hub,
  job: PullJob,
  ticket: TicketRow,
  { fields, now }: { fields: JsonObject; now: Date },
): OnePage {
  const type = hub.types.get(job.type);
  if (type === undefined) throw new Error(`type ${job.type} is not loaded`);
  const raw = canonicalJson(fields);
  const page = {
    externalId: `ticket ${ticket.id} ${now.toISOString()}`,
    sha256: sha256(raw),
    endOfIntake: true,
    rowCount: 1,
    cursor: {},
  };
  const map = compileMapping(job.mapping);
  const rules = rulesOf(job, hub.schemasDigest);
  const today = hub.localDate(now);
  const context = { job, type, map, today, rules, now, runId: NO_RUN, ticketsOpen: false, vouched: true };
  return { page, row: { rowNo: 1, raw, fields, faults: [] }, context };
}

/** Intakes made by hand belong to no run. */
const NO_RUN = 0;

async function openTicket(db: Db, id: number): Promise<TicketRow> {
  const ticket = await showQuarantine(db, id);
  if (ticket !== undefined && ticket.state === 'open') return ticket;
  throw new HubError(
    ticket === undefined ? 'TICKET_UNKNOWN' : 'TICKET_CLOSED',
    ticket === undefined ? `没有隔离单 ${id} (no such ticket)` : `隔离单 ${id} 已处理 (already closed)`,
    {
      remedy: 'give-up',
      fix: '用 hub quarantine list 查看未处理的 (see hub quarantine list)',
    },
  );
}

async function closeBy(
  tx: Tx,
  ticket: TicketRow,
  state: 'waived' | 'released' | 'mended',
  { by, reason }: Decision,
  now: Date,
): Promise<void> {
  await close(tx, [ticket.id], { state, by, at: now.toISOString(), reason });
  const detail = { ticket: ticket.id, stage: ticket.stage, faults: ticket.faults.map(({ code }) => code), reason };
  await appendLog(tx, now, [
    {
      actor: by,
      action: `quarantine.${state}`,
      ...(ticket.platform === null ? {} : { platform: ticket.platform }),
      ...(ticket.recordId === null ? {} : { recordId: ticket.recordId }),
      detail,
    },
  ]);
}

const resentByItself = (ticket: TicketRow): HubError =>
  new HubError(
    'TICKET_AUTOMATIC',
    `隔离单 ${ticket.id} 处于${ticket.stage === 'outbound' ? '报送前' : '平台退回'}环节 (not an intake ticket)`,
    {
      remedy: 'give-up',
      fix: '业务系统更正后会自动再报；个人信息可用 hub quarantine waive --reason 放行 (a corrected version is sent by itself; personal data can be released with waive)',
    },
  );

const notKept = (ticket: TicketRow): HubError =>
  new HubError(
    'TICKET_UNREADABLE',
    `隔离单 ${ticket.id} 的原始数据无法读出字段，或其作业已不存在 (row unreadable, or its job is gone)`,
    {
      remedy: 'give-up',
      fix: '请处室更正后重新提交 (let the division submit it again)',
    },
  );
