import { canonicalJson } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import type { RepairNotice, UnreadableNotice } from '../platform.ts';
import { type Publicised, publicityPeriod } from '../rules/publicity-period.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import {
  appendWithdrawal,
  barredButShown,
  type Cause,
  endWaiting,
  keepNotice,
  keepPublicityEnd,
  liftSuppression,
  publicityOver,
  publicityProlonged,
  recordsNamed,
  shownVersion,
  suppress,
  type WaitingNotice,
  waitingNotices,
  withoutPublicityEnd,
} from '../store/withdrawals.ts';
import type { Deliver } from './deliver.ts';

/** Who withdraws, and when. */
export interface Withdraw {
  readonly db: Db;
  readonly actor: string;
  readonly now: () => Date;
  /** Local date of an instant, `YYYY-MM-DD`. */
  readonly localDate: (instant: Date) => string;
}

/**
 * Takes in the 信用修复 notices that a platform has for us; each bars its record everywhere before it is said to be taken. A list that
 * cannot be read is named and stops nothing else: what is due goes out, and the list is asked for again.
 */
export async function takeNotices(context: Deliver & Withdraw): Promise<void> {
  const { platform, signal } = context;
  if (platform.notices === undefined) return;
  try {
    for await (const notice of platform.notices(signal)) {
      if ('wrong' in notice) await keepUnreadable(notice, context.platformName, context);
      else await takeNotice(notice, context.platformName, context);
      await notice.taken();
    }
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== 'PLATFORM_UNREADABLE') throw error;
    await noteList(error, context);
  }
}

/** Network trouble passes; anything else is kept once a day, so that a person hears of it. */
async function noteList({ message, remedy }: HubError, context: Deliver & Withdraw): Promise<void> {
  const { trace, platformName, localDate, now } = context;
  trace.warn('notices-unreadable', { platform: platformName, error: message });
  if (remedy === 'retry') return;
  const noticeId = `list:${localDate(now())}`;
  await keepUnreadable({ noticeId, platformId: undefined, wrong: 'list', text: message }, platformName, context);
}

/** MariaDB's TEXT takes 64 KiB; a character at most four bytes. */
const LONGEST_TEXT = 16_000;

/** A notice of which nobody can say what it means is kept as it came; false when it was before. */
async function keepUnreadable(
  { noticeId, platformId, wrong, text }: Omit<UnreadableNotice, 'taken'>,
  platform: string,
  { db, actor, now, localDate }: Withdraw,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const at = now();
    const kept = { decidedOn: localDate(at), reason: text.slice(0, LONGEST_TEXT), now: at };
    const isNew = await keepNotice(tx, { platform, noticeId, recordId: undefined, unreadable: true, ...kept });
    const detail = { noticeId, wrong, ...(platformId === undefined ? {} : { platformId }) };
    if (isNew) await appendLog(tx, at, [{ actor, platform, action: 'notice.unreadable', detail }]);
    return isNew;
  });
}

/** What became of a notice. `waiting`: the day of the repair has not come, until then the record is shown as before. */
export type NoticeTaken = 'applied' | 'waiting' | 'unmatched' | 'repeated';

/**
 * One notice, whoever brought it: from the day of the repair on the record is withdrawn from every platform and shown no more
 * (令36号: end publicity, stop sharing).
 */
export async function takeNotice(
  notice: Omit<RepairNotice, 'taken'>,
  platform: string,
  { db, actor, now, localDate }: Withdraw,
): Promise<NoticeTaken> {
  return inTransaction(db, async (tx) => {
    const named = await recordsNamed(tx, notice);
    const recordId = named.length === 1 ? named[0] : undefined;
    const { noticeId, decidedOn, reason } = notice;
    const waits = decidedOn > localDate(now());
    const kept = { platform, noticeId, recordId, decidedOn, reason, now: now() };
    if (!(await keepNotice(tx, { ...kept, waits }))) return 'repeated';
    const detail = { noticeId: noticeId.slice(0, 255), decidedOn, matches: named.length };
    const about = { actor, platform, detail };
    if (recordId === undefined) {
      await appendLog(tx, now(), [{ ...about, action: 'notice.unmatched' }]);
      return 'unmatched';
    }
    const action = waits ? 'notice.waiting' : 'notice.applied';
    await appendLog(tx, now(), [{ ...about, action, recordId }]);
    if (waits) return 'waiting';
    await repaired(tx, { recordId, decidedOn, reason }, { actor, now: now() });
    return 'applied';
  });
}

/** Barred from now on, and withdrawn where it is shown. */
async function repaired(
  tx: Tx,
  { recordId, decidedOn, reason }: Pick<WaitingNotice, 'recordId' | 'decidedOn' | 'reason'>,
  { actor, now }: { readonly actor: string; readonly now: Date },
): Promise<void> {
  await suppress(tx, recordId, { cause: 'repair', since: decidedOn, reason, now });
  await withdraw(tx, recordId, { cause: 'repair', actor, now, repaired: { decidedOn, reason } });
}

/** Acts on the notices whose day has come. */
export async function applyWaiting({ db, actor, now, localDate }: Withdraw): Promise<void> {
  const today = localDate(now());
  for (let due = await waitingNotices(db, PAGE, today); due.length > 0; due = await waitingNotices(db, PAGE, today)) {
    await inTransaction(db, async (tx) => {
      for (const { id, platform, noticeId, recordId, decidedOn, reason } of due) {
        if (!(await endWaiting(tx, id))) continue;
        const detail = { noticeId, decidedOn, matches: 1 };
        await appendLog(tx, now(), [{ actor, platform, action: 'notice.applied', recordId, detail }]);
        await repaired(tx, { recordId, decidedOn, reason }, { actor, now: now() });
      }
    });
  }
}

interface Withdrawing {
  readonly cause: Cause;
  readonly actor: string;
  readonly now: Date;
  readonly repaired?: { readonly decidedOn: string; readonly reason: string };
}

async function withdraw(tx: Tx, recordId: number, { cause, actor, now, repaired }: Withdrawing): Promise<void> {
  const shown = await shownVersion(tx, recordId);
  if (shown === undefined) return;
  const body =
    repaired !== undefined && shown.type.startsWith('penalty/') ? asRepaired(shown.body, repaired) : shown.body;
  await appendWithdrawal(tx, recordId, { version: shown.version, body }, now);
  const detail = { version: shown.version + 1, cause };
  await appendLog(tx, now, [{ actor, action: 'record.withdrawn', recordId, detail }]);
}

function asRepaired(body: string, { decidedOn, reason }: NonNullable<Withdrawing['repaired']>): string {
  const record: unknown = JSON.parse(body);
  if (!isJsonObject(record)) return body;
  return canonicalJson({ ...record, status: 'repaired', statusDate: decidedOn, statusReason: reason.slice(0, 512) });
}

/** Records per transaction. */
const PAGE = 200;

/**
 * Repairs whose day has come, and the end of publicity of penalties, by the rules of their time (rules/publicity-period.ts): what is over is withdrawn by the hub
 * itself, and what was barred stays so even if its bureau sends it again. `types`: the record types that are penalties.
 */
export async function endPublicity(types: readonly string[], context: Withdraw): Promise<void> {
  const { db, now, localDate } = context;
  if (types.length > 0) await reckonEnds(types, db);
  const today = localDate(now());
  for (const id of await publicityProlonged(db, today)) {
    await inTransaction(db, async (tx) => {
      await liftSuppression(tx, id);
      await appendLog(tx, now(), [{ actor: context.actor, action: 'record.shown', recordId: id, detail: {} }]);
    });
  }
  for (let over = await publicityOver(db, today, PAGE); over.length > 0; over = await publicityOver(db, today, PAGE)) {
    await inTransaction(db, async (tx) => {
      for (const { id, endsOn, rule } of over) {
        const reason = `公示期至 ${endsOn} 届满（${rule}）(publicity is over)`;
        await suppress(tx, id, { cause: 'publicity-end', since: endsOn, reason, now: now() });
        await withdraw(tx, id, { cause: 'publicity-end', actor: context.actor, now: now() });
      }
    });
  }
  await applyWaiting(context);
  await keepBarred(context);
}

async function reckonEnds(types: readonly string[], db: Db): Promise<void> {
  for (;;) {
    const rows = await withoutPublicityEnd(db, { types, limit: PAGE });
    if (rows.length === 0) return;
    await inTransaction(db, async (tx) => {
      for (const { id, version, body } of rows) {
        const { rule, severity, endsOn } = publicityPeriod(JSON.parse(body) as Publicised);
        await keepPublicityEnd(tx, { recordId: id, version, rule, severity, endsOn });
      }
    });
  }
}

/** A bureau that corrects a repaired record makes a new version of it: that is withdrawn as well. */
async function keepBarred({ db, actor, now }: Withdraw): Promise<void> {
  for (let again = await barredButShown(db, PAGE); again.length > 0; again = await barredButShown(db, PAGE)) {
    await inTransaction(db, async (tx) => {
      for (const { id, cause } of again) await withdraw(tx, id, { cause, actor, now: now() });
    });
  }
}
