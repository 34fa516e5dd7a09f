import { HubError } from '../errors.ts';
import type { RepairNotice } from '../platform.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { correctDecided } from '../store/withdrawals.ts';
import { type Corrected, correctWithdrawal } from './correct-withdrawal.ts';
import { applyWaiting, type NoticeTaken, takeNotice, type Withdraw } from './withdraw.ts';

/** What became of a notice that a person entered. `corrected`: it was there, with another day. */
export type NoticeEntered =
  | { readonly taken: NoticeTaken }
  | { readonly taken: 'corrected'; readonly correction: Corrected };

/**
 * A notice typed in from paper withdraws at once, and nothing shows the record again: a day that has not come is refused (HubError
 * NOTICE_EARLY). The same number once more, for the same record, corrects the day, also of one that still waits for its day; what no
 * platform was told yet leaves with the new day, what was sent stays as it was.
 */
export async function enterRepair(
  notice: Omit<RepairNotice, 'taken'> & { readonly recordKey: string },
  platform: string,
  context: Withdraw,
): Promise<NoticeEntered> {
  const { db, now, localDate } = context;
  const today = localDate(now());
  if (notice.decidedOn > today) throw tooEarly(notice.decidedOn, today);
  const taken = await takeNotice(notice, platform, context);
  if (taken !== 'repeated') return { taken };
  const entered = await inTransaction(db, async (tx): Promise<NoticeEntered> => {
    const found = await correctDecided(tx, platform, notice);
    if (found === undefined) return { taken };
    const { recordId, was, waited } = found;
    const { noticeId, decidedOn, reason } = notice;
    const detail = { noticeId: noticeId.slice(0, 255), was, decidedOn, reason };
    await appendLog(tx, now(), [{ actor: context.actor, platform, action: 'notice.corrected', recordId, detail }]);
    if (waited) return { taken: 'applied' };
    const correction = await correctWithdrawal(tx, { recordId, was, decidedOn }, { actor: context.actor, now: now() });
    return { taken: 'corrected', correction };
  });
  await applyWaiting(context);
  return entered;
}

const tooEarly = (decidedOn: string, today: string): HubError =>
  new HubError(
    'NOTICE_EARLY',
    `准予修复之日 ${decidedOn} 晚于今天 ${today}，未登记 (that day has not come: nothing was entered)`,
    {
      remedy: 'give-up',
      fix: '请照通知书核对 --decided；登记即撤下、不再公示，须在作出决定之后 (see the notice for the day; a record is withdrawn as soon as it is entered)',
    },
  );
