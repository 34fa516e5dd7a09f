import type { Coverage } from '../calendar/work-calendar.ts';
import { planBreaks, type Standing, standingOf } from '../duty/deadline.ts';
import { type Fault, isError } from '../fault.ts';
import { divisions, type Hub } from '../hub-context.ts';
import { formsByType } from '../job/forms-by-type.ts';
import { confirmationsOf } from '../store/confirmations.ts';
import { recordsById } from '../store/ledger.ts';
import { listBatches, unsettledBatches } from '../store/outbox.ts';
import { countWithheld } from '../store/pending.ts';
import { periodBatches } from '../store/period-facts.ts';
import { listHolds, listPauses, type Pause } from '../store/stops.ts';
import { choosePeriod } from './choose-period.ts';
import { type ComingWithdrawal, comingWithdrawals } from './coming-withdrawals.ts';
import { refuseUnknown } from './confirm-division.ts';
import { isConfirmed, needsConfirmation } from './confirmation.ts';
import { type PendingRecord, pendingRecords, today } from './pending-records.ts';
import { type DutyJob, periodContext } from './period-context.ts';
import { unsettledPulls } from './unsettled-pulls.ts';

/** What a platform is given next time, and what not and why. */
export interface Preview {
  readonly platform: string;
  readonly duty: string;
  readonly period: string;
  /** Local `YYYY-MM-DD HH:MM`. */
  readonly planned: string;
  readonly due: string;
  readonly movedBy: string | null;
  readonly calendar: Coverage;
  /** Its time has come; else it is the next one. */
  readonly isOpen: boolean;
  /** Batches of it; batches of the platform that have no result yet; and sources that were not read for it, in words. */
  readonly sealed: number;
  readonly outstanding: number;
  readonly unread: readonly string[];
  /** Nothing leaves while the platform is paused; `actor`: who paused it, `hub` for the hub itself after too many refusals. */
  readonly paused: {
    readonly reason: string;
    readonly since: string;
    readonly kind: Pause['kind'];
    readonly actor: string;
  } | null;
  /** Records that a person holds back. */
  readonly held: readonly HeldRecord[];
  /** Records that a repair notice withdraws on a day to come; until then they are shown. */
  readonly coming: readonly ComingWithdrawal[];
  /** Not for publication, or ended before it was ever shown: kept, never sent. */
  readonly withheld: number;
  readonly divisions: readonly DivisionPreview[];
  /** Set where waiting for the plan would break a deadline that can still be kept. */
  readonly extraPush: { readonly records: number; readonly earliest: string; readonly how: 'propose' | 'make' } | null;
}

export interface DivisionPreview {
  readonly division: string;
  readonly leaving: { readonly records: number; readonly withdrawals: number; readonly types: Counts };
  readonly staying: { readonly quarantined: number; readonly unconfirmed: number; readonly notForPlatform: number };
  /** Record types that wait for the division's yes. */
  readonly toConfirm: readonly string[];
  readonly standing: { readonly safe: number; readonly tight: number; readonly late: number };
  readonly earliestDeadline: string | null;
  /** Records that stay, and those that leave but are tight or late; the first ones. */
  readonly records: readonly RecordPreview[];
}

export interface HeldRecord {
  readonly id: number;
  readonly number: string | null;
  readonly name: string | null;
  readonly division: string;
  readonly reason: string;
  readonly since: string;
}

interface Counts {
  readonly [name: string]: number;
}

export interface RecordPreview {
  readonly id: number;
  readonly type: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly fate: 'leaves' | 'quarantined' | 'unconfirmed';
  readonly deadline: string | null;
  readonly standing: Standing | null;
  readonly faults: readonly Pick<Fault, 'code' | 'path' | 'zh' | 'en'>[];
}

/** Records listed per division; the counts are whole. */
const MOST = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Tally {
  readonly leaving: { records: number; withdrawals: number; readonly types: { [type: string]: number } };
  readonly staying: Mutable<DivisionPreview['staying']>;
  readonly toConfirm: Set<string>;
  readonly standing: Mutable<DivisionPreview['standing']>;
  earliest: string | null;
  readonly records: RecordPreview[];
}

export async function previewPlatform(
  hub: Hub,
  job: DutyJob,
  { division, period }: { readonly division?: string | undefined; readonly period?: string | undefined } = {},
): Promise<Preview> {
  if (division !== undefined) refuseUnknown(hub, division);
  const plan = await headOf(hub, job, period);
  const said = await confirmationsOf(hub.db, job.platformName, plan.head.period);
  const confirmed = (type: string, whose: string): boolean =>
    !needsConfirmation(job, type) || isConfirmed(said, type, whose);
  const day = { today: today(hub), planned: plan.day };
  const tallies = new Map<string, Tally>();
  let breaks: { records: number; earliest: string } | undefined;
  for await (const pending of pendingRecords(hub, { job, confirmed })) {
    if (division !== undefined && pending.division !== division) continue;
    const tally = tallies.get(pending.division) ?? emptyTally();
    tallies.set(pending.division, tally);
    count(tally, pending, { hub, day });
    const due = pending.deadline?.day;
    if (due === undefined || pending.rendered.fate !== 'member' || !planBreaks(due, day)) continue;
    breaks = { records: (breaks?.records ?? 0) + 1, earliest: breaks && breaks.earliest < due ? breaks.earliest : due };
  }
  const { fullState, everyVersion } = formsByType(job, hub.types, hub.forms);
  const types = [...fullState, ...everyVersion];
  return {
    platform: job.platformName,
    duty: job.name,
    ...plan.head,
    ...(await wayOf(hub, job, plan.head.period)),
    ...(await stopsOf(hub, job.platformName, division)),
    coming: await comingWithdrawals(hub, { types, division }),
    withheld: await countWithheld(hub.db, job.platformName, types),
    divisions: [...tallies].toSorted(([a], [b]) => a.localeCompare(b, 'zh')).map(toDivision),
    extraPush: breaks === undefined ? null : { ...breaks, how: job.duty.extraPush ?? 'propose' },
  };
}

async function stopsOf(
  hub: Hub,
  platform: string,
  division: string | undefined,
): Promise<Pick<Preview, 'paused' | 'held'>> {
  const [pause] = await listPauses(hub.db, platform);
  const holds = (await listHolds(hub.db)).filter((hold) => hold.platform === null || hold.platform === platform);
  const records = new Map(
    (await recordsById(hub.db, [...new Set(holds.map(({ recordId }) => recordId))])).map((record) => [
      record.id,
      record,
    ]),
  );
  const byJob = divisions(hub.jobs);
  const held = holds.flatMap(({ recordId, reason, at }) => {
    const record = records.get(recordId);
    if (record === undefined) return [];
    const { id, number, name, job } = record;
    return [{ id, number, name, division: byJob.get(job) ?? job, reason, since: at }];
  });
  return {
    paused: pause === undefined ? null : standstill(pause),
    held: held.filter((one) => division === undefined || one.division === division),
  };
}

/** Whoever ran the push did not stop it. */
const standstill = ({ reason, at, kind, actor }: Pause) => ({
  reason,
  since: at,
  kind,
  actor: kind === 'poison' ? 'hub' : actor,
});

async function headOf(hub: Hub, job: DutyJob, named: string | undefined) {
  const { day, ...chosen } = await choosePeriod(job, periodContext(hub), named);
  return { day, head: { ...chosen, planned: `${day} ${job.duty.start}`, due: `${day} ${job.duty.due}` } };
}

/** Why a period is no nil return although nothing is pending: batches without a result, sources that were not read. */
async function wayOf(
  hub: Hub,
  job: DutyJob,
  period: string,
): Promise<Pick<Preview, 'outstanding' | 'unread' | 'sealed'>> {
  const held = await listBatches(hub.db, { platform: job.platformName, states: ['HELD'], limit: MOST });
  return {
    outstanding: (await unsettledBatches(hub.db, job.platformName)).length + held.length,
    unread: (await unsettledPulls(job, periodContext(hub))).map(({ zh }) => zh),
    sealed: (await periodBatches(hub.db, job.platformName, period)).length,
  };
}

const emptyTally = (): Tally => ({
  leaving: { records: 0, withdrawals: 0, types: {} },
  staying: { quarantined: 0, unconfirmed: 0, notForPlatform: 0 },
  toConfirm: new Set(),
  standing: { safe: 0, tight: 0, late: 0 },
  earliest: null,
  records: [],
});

interface Judge {
  readonly hub: Hub;
  readonly day: { readonly today: string; readonly planned: string };
}

function count(tally: Tally, { row, rendered, deadline }: PendingRecord, { hub, day }: Judge): void {
  if (rendered.fate === 'not-for-platform') {
    tally.staying.notForPlatform += 1;
    return;
  }
  const standing = deadline === undefined ? null : standingOf(deadline.day, day, hub.calendar);
  if (standing !== null) tally.standing[standing] += 1;
  if (deadline !== undefined && standing !== 'late' && (tally.earliest === null || deadline.day < tally.earliest))
    tally.earliest = deadline.day;
  const fate = FATES[rendered.fate];
  if (fate === 'quarantined') tally.staying.quarantined += 1;
  if (fate === 'unconfirmed') {
    tally.staying.unconfirmed += 1;
    tally.toConfirm.add(row.type);
  }
  if (fate === 'leaves') {
    tally.leaving.records += 1;
    if (row.operation === 'WITHDRAW') tally.leaving.withdrawals += 1;
    tally.leaving.types[row.type] = (tally.leaving.types[row.type] ?? 0) + 1;
  }
  const unremarkable = fate === 'leaves' && (standing === null || standing === 'safe');
  if (unremarkable || tally.records.length >= MOST) return;
  tally.records.push({
    id: Number(row.id),
    type: row.type,
    number: row.number,
    name: row.name,
    fate,
    deadline: deadline?.day ?? null,
    standing,
    faults: rendered.fate === 'ticket' ? rendered.ticket.faults.filter(isError).map(sentence) : [],
  });
}

const FATES = { member: 'leaves', ticket: 'quarantined', unconfirmed: 'unconfirmed' } as const;

const sentence = ({ code, path, zh, en }: Fault) => ({ code, path, zh, en });

const toDivision = ([division, tally]: [string, Tally]): DivisionPreview => ({
  division,
  leaving: tally.leaving,
  staying: tally.staying,
  toConfirm: [...tally.toConfirm].toSorted(),
  standing: tally.standing,
  earliestDeadline: tally.earliest,
  records: tally.records,
});
