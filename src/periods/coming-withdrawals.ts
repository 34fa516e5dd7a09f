import { divisions, type Hub } from '../hub-context.ts';
import { recordsById } from '../store/ledger.ts';
import { waitingNotices } from '../store/withdrawals.ts';

/** A repair that is granted from a day to come: the record is withdrawn on that day, not before. */
export interface ComingWithdrawal {
  readonly id: number;
  readonly number: string | null;
  readonly name: string | null;
  readonly division: string;
  /** Local day. */
  readonly on: string;
  readonly noticeId: string;
  /** Whose notice it is. */
  readonly from: string;
}

/** The nearest ones, among records of these types. */
const MOST = 500;

export async function comingWithdrawals(
  hub: Hub,
  { types, division }: { readonly types: readonly string[]; readonly division: string | undefined },
): Promise<readonly ComingWithdrawal[]> {
  const notices = await waitingNotices(hub.db, MOST);
  const found = await recordsById(hub.db, [...new Set(notices.map(({ recordId }) => recordId))]);
  const records = new Map(found.map((record) => [record.id, record]));
  const byJob = divisions(hub.jobs);
  const coming = notices.flatMap(({ recordId, decidedOn, noticeId, platform }) => {
    const record = records.get(recordId);
    if (record === undefined || !types.includes(record.type)) return [];
    const { id, number, name, job } = record;
    return [{ id, number, name, division: byJob.get(job) ?? job, on: decidedOn, noticeId, from: platform }];
  });
  return coming.filter((one) => division === undefined || one.division === division);
}
