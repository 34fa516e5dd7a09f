import type { DivisionPreview, Preview } from './preview.ts';

/** The Thursday mail of one division: what leaves next time, what does not and why, what is urgent. */
export interface PreviewText {
  readonly division: string;
  readonly subject: string;
  readonly lines: readonly string[];
}

/** Records named per platform; the rest is one command away. */
const MOST = 20;

/** One text per division over all platforms; divisions with nothing pending get none. `rest`: the command that shows what is cut. */
export function previewTexts(previews: readonly Preview[], rest = 'hub preview'): PreviewText[] {
  const names = [...new Set(previews.flatMap(({ divisions }) => divisions.map(({ division }) => division)))];
  return names.map((division) => {
    const own = previews.flatMap((preview) => {
      const part = preview.divisions.find((one) => one.division === division);
      return part === undefined ? [] : [{ preview, part }];
    });
    const leaving = own.reduce((sum, { part }) => sum + part.leaving.records, 0);
    const staying = own.reduce((sum, { part }) => sum + part.staying.quarantined + part.staying.unconfirmed, 0);
    return {
      division,
      subject: `[证信通] ${division}：下次报送 ${leaving} 条，${staying} 条不能报送`,
      lines: own.flatMap(({ preview, part }) => platformLines(preview, part, rest)),
    };
  });
}

/** Only where nothing is on the way either, and every source was read, is it a nil return. */
export function nothingPending({ outstanding, sealed, unread }: Preview, division: string | undefined): string {
  if (division !== undefined) return `${division} 没有待报的记录 (nothing of this division is pending)`;
  if (outstanding > 0)
    return `没有新的待报记录；${outstanding} 个批次尚无结果，见 hub batches (nothing new; ${outstanding} batches have no result yet)`;
  if (sealed > 0) return '本期已报送，没有新的待报记录 (this period was sent, nothing new is pending)';
  if (unread.length > 0)
    return `没有待报的记录，但还不能作零报送：${unread.join('；')} (nothing is pending, but a source was not read: no nil return yet)`;
  return '没有待报的记录，将作零报送 (nothing is pending: a nil return)';
}

function platformLines(preview: Preview, part: DivisionPreview, rest: string): string[] {
  const { leaving, staying, standing, toConfirm } = part;
  return [
    `【${preview.platform}】${preview.period} 期，${preview.planned} 报送，${preview.due} 到期${preview.movedBy === null ? '' : `（因${preview.movedBy}改期）`}`,
    `  将报送 ${leaving.records} 条，其中撤下 ${leaving.withdrawals} 条 (leaving ${leaving.records}, withdrawals ${leaving.withdrawals})`,
    `  不能报送：隔离 ${staying.quarantined} 条，待确认 ${staying.unconfirmed} 条，不属本平台 ${staying.notForPlatform} 条`,
    `  法定期限：从容 ${standing.safe}，紧迫 ${standing.tight}，迟报 ${standing.late}${part.earliestDeadline === null ? '' : `；最早 ${part.earliestDeadline}`}`,
    ...(preview.paused === null ? [] : [`  平台已暂停报送：${preview.paused.reason} (the platform is paused)`]),
    ...preview.held
      .filter(({ division }) => division === part.division)
      .map(({ number, name, reason }) => `    ${number ?? '—'} ${name ?? '—'}：人工暂缓，${reason} (held)`),
    ...preview.coming
      .filter(({ division }) => division === part.division)
      .map(({ number, name, on }) => `    ${number ?? '—'} ${name ?? '—'}：${comingText(on)}`),
    ...(toConfirm.length === 0
      ? []
      : [
          `  请确认 (to confirm): hub preview confirm --platform ${preview.platform} --division ${part.division} --period ${preview.period} --reason "…"`,
        ]),
    ...part.records.slice(0, MOST).map(recordLine),
    ...(part.records.length > MOST ? [`    …… 另有 ${part.records.length - MOST} 条，见 ${rest}`] : []),
  ];
}

export const comingText = (on: string): string => `信用修复，${on} 起撤下 (repaired: withdrawn on that day)`;

const recordLine = ({ number, name, fate, deadline, standing, faults }: DivisionPreview['records'][number]): string => {
  const state = fate === 'leaves' ? '将报送' : fate === 'quarantined' ? '隔离' : '待确认';
  const due =
    deadline === null ? '' : `，期限 ${deadline}${standing === 'safe' ? '' : `（${WORDS[standing ?? 'safe']}）`}`;
  const why = faults.map(({ zh }) => zh).join('；');
  return `    ${number ?? '—'} ${name ?? '—'}：${state}${due}${why === '' ? '' : `；${why}`}`;
};

const WORDS = { safe: '从容', tight: '紧迫', late: '迟报' } as const;
