import { localText } from '../calendar/local-time.ts';
import { downTime } from '../duty/down-time.ts';
import { isJsonObject } from '../json.ts';
import { confirmationsOf } from '../store/confirmations.ts';
import { beatsBetween } from '../store/heartbeats.ts';
import { attemptEnds, happenings, pausesDuring, type RunEnd, runsBetween } from '../store/period-facts.ts';
import type { PeriodRow } from '../store/periods.ts';
import { dutyJobs, type PeriodContext } from './period-context.ts';
import type { Progress } from './period-progress.ts';
import { mend, unsettledPulls, WAIT } from './unsettled-pulls.ts';

/** Why a period is not on time, made from journals and rows; a person may add to it, never write it. */
export interface Cause {
  readonly code:
    | 'process-down'
    | 'platform-failing'
    | 'breaker-open'
    | 'paused'
    | 'pull-unsettled'
    | 'quarantine'
    | 'unconfirmed'
    | 'overlap'
    | 'run-failed'
    | 'receipts-outstanding'
    | 'held'
    | 'not-tried';
  readonly from?: string;
  readonly to?: string;
  readonly zh: string;
  readonly en: string;
  /** What a person does about it. */
  readonly fix?: string;
}

/** `source`: the period whose push served this one, or itself. */
export async function causesOf(
  row: PeriodRow,
  source: PeriodRow,
  progress: Progress,
  context: PeriodContext,
): Promise<Cause[]> {
  const end = progress.doneAt ?? row.closedAt ?? context.now.toISOString();
  const span = { from: row.plannedAt, to: [end, row.plannedAt].toSorted().at(-1) ?? end };
  const found = [
    ...(await causesNow(row, source, progress, context)),
    ...(await downCauses(span, context)),
    ...(await platformCauses(row, source, span, context)),
    ...(await runCauses(row, span, context)),
    ...(await lateYes(row, source, end, context)),
  ];
  return found.length > 0
    ? found.toSorted((a, b) => rank(a, progress, context) - rank(b, progress, context))
    : [NOT_TRIED];
}

/** What still holds a period up and somebody can do something about is told first, then why batches wait, then what is past. */
function rank({ code, to }: Cause, { active }: Progress, { now }: PeriodContext): number {
  if (ACTED_ON.has(code)) return 0;
  if (code === 'paused') return to === undefined || to > now.toISOString() ? 0 : 2;
  if (code === 'platform-failing' || code === 'breaker-open') return active > 0 ? 1 : 2;
  return code === 'receipts-outstanding' ? 3 : 2;
}

const ACTED_ON: ReadonlySet<Cause['code']> = new Set(['pull-unsettled', 'quarantine', 'unconfirmed', 'held']);

/** What is in the way of a period now; of one that is closed, what was when it ended. */
export async function causesNow(
  row: PeriodRow,
  source: PeriodRow,
  progress: Progress,
  context: PeriodContext,
): Promise<Cause[]> {
  const waits =
    row.state === 'open' && row.sealedAt === null && row.firstSealAt !== null && progress.triedAt === undefined;
  return [...(waits ? await pullCauses(row, context) : []), ...standingCauses(source, progress)];
}

/** Sources that were not read: without them nobody can say that nothing is new. */
async function pullCauses({ duty }: PeriodRow, context: PeriodContext): Promise<Cause[]> {
  const job = dutyJobs(context.jobs).find(({ name }) => name === duty);
  if (job === undefined) return [];
  return (await unsettledPulls(job, context)).map((pull) => ({
    code: 'pull-unsettled' as const,
    zh: `${pull.zh}，不能作零报送${pull.isRunning ? '' : `；排除后 hub run ${pull.job}`}`,
    en: `${pull.en}, so no nil return is made`,
    fix: pull.isRunning ? WAIT : mend([pull], job.name),
  }));
}

const NOT_TRIED: Cause = {
  code: 'not-tried',
  zh: '没有可查的原因：服务在运行，但这一期没有开始',
  en: 'no cause on record: the service was up, but this period was not begun',
};

interface Span {
  readonly from: string;
  readonly to: string;
}

/** How far back the beginning of an outage is looked for. */
const LOOK_BACK_MS = 90 * 86_400_000;

async function downCauses(span: Span, { db, zone }: PeriodContext): Promise<Cause[]> {
  const since = new Date(Date.parse(span.from) - LOOK_BACK_MS).toISOString();
  const gaps = downTime({ from: since, to: span.to }, await beatsBetween(db, since, span.to));
  const say = (at: string): string => localText(new Date(at), zone);
  return gaps
    .filter(({ to }) => to > span.from)
    .map(({ from, to }) => {
      const unknown = from === since;
      return {
        code: 'process-down' as const,
        from,
        to,
        zh: unknown ? `服务在 ${say(to)} 之前未曾运行` : `服务自 ${say(from)} 至 ${say(to)} 没有运行`,
        en: unknown
          ? `the service had not run before ${say(to)}`
          : `the service was down from ${say(from)} to ${say(to)}`,
      };
    });
}

const FAILING = new Set(['unknown', 'not-sent', 'contract-fault', 'refused', 'conflict']);

async function platformCauses(row: PeriodRow, source: PeriodRow, span: Span, context: PeriodContext): Promise<Cause[]> {
  const { db, zone } = context;
  const say = (at: string): string => localText(new Date(at), zone);
  const failing = (await attemptEnds(db, source.platform, source.period)).filter(({ outcome }) => FAILING.has(outcome));
  const causes: Cause[] = [];
  if (failing.length > 0) {
    const count = failing.reduce((sum, one) => sum + one.count, 0);
    const from = failing.map(({ firstAt }) => firstAt).toSorted()[0] ?? span.from;
    const to =
      failing
        .map(({ lastAt }) => lastAt)
        .toSorted()
        .at(-1) ?? span.to;
    const reason = failing[0]?.reason ?? failing[0]?.outcome ?? '';
    causes.push({
      code: 'platform-failing',
      from,
      to,
      zh: `接收平台 ${say(from)} 至 ${say(to)} 有 ${count} 次请求未成功：${reason}`,
      en: `${count} requests to the platform failed from ${say(from)} to ${say(to)}: ${reason}`,
    });
  }
  for (const { at, reason } of await happenings(db, row.platform, ['breaker.opened'], span)) {
    causes.push({
      code: 'breaker-open',
      from: at,
      zh: `${say(at)} 连续失败，断路器打开：${reason}`,
      en: `the breaker opened at ${say(at)}: ${reason}`,
    });
  }
  for (const { at, endedAt, reason } of await pausesDuring(db, row.platform, span)) {
    const until = endedAt === null ? '' : ` 至 ${say(endedAt)}`;
    const to = endedAt === null ? '' : ` to ${say(endedAt)}`;
    causes.push({
      code: 'paused',
      from: at,
      ...(endedAt === null ? {} : { to: endedAt }),
      zh: `平台自 ${say(at)}${until} 被暂停报送：${reason}`,
      en: `the platform was paused from ${say(at)}${to}: ${reason}`,
    });
  }
  return causes.slice(0, MOST);
}

/** A bad week has hundreds of them; the first ones tell the story. */
const MOST = 5;

async function runCauses(row: PeriodRow, span: Span, { db, zone }: PeriodContext): Promise<Cause[]> {
  const runs = await runsBetween(db, row.duty, span.from, span.to);
  const causes = new Map<string, Cause>();
  for (const run of runs) {
    const { code, message } = errorOf(run);
    if (code === undefined || PLATFORM_CODES.test(code)) continue;
    const at = localText(new Date(run.startedAt), zone);
    const overlap = code === 'RUN_OVERLAPPING';
    causes.set(code, {
      code: overlap ? 'overlap' : 'run-failed',
      from: run.startedAt,
      zh: overlap ? `${at} 另一次运行尚未结束` : `${at} 运行未成功 ${code}：${message}`,
      en: overlap ? `another run was still going on at ${at}` : `the run at ${at} failed with ${code}: ${message}`,
    });
  }
  return [...causes.values()].slice(0, MOST);
}

/** Told by the requests themselves, or by how the batches stand. */
const PLATFORM_CODES = /^(PLATFORM_|BATCH_HELD$|RECEIPT_)/;

function errorOf(run: RunEnd): { readonly code?: string; readonly message: string } {
  if (run.state === 'died') return { code: 'RUN_DIED', message: '进程中断 (the process was cut off)' };
  const report: unknown = run.report === null ? null : JSON.parse(run.report);
  const error = isJsonObject(report) ? report['error'] : undefined;
  if (!isJsonObject(error) || typeof error['code'] !== 'string') return { message: '' };
  return { code: error['code'], message: String(error['message'] ?? '').split('\n')[0] ?? '' };
}

/** Divisions that said yes only after the plan, though in time for what was sent. */
async function lateYes(row: PeriodRow, source: PeriodRow, end: string, { db, zone }: PeriodContext): Promise<Cause[]> {
  const said = await confirmationsOf(db, source.platform, source.period);
  return said
    .filter(({ at }) => at > row.plannedAt && at <= end)
    .map(({ division, at }) => {
      const when = localText(new Date(at), zone);
      return {
        code: 'unconfirmed' as const,
        from: row.plannedAt,
        to: at,
        zh: `${division} ${when} 才确认`,
        en: `${division} confirmed only at ${when}`,
      };
    })
    .slice(0, MOST);
}

/** Records that did not leave for want of a yes, whatever else became of the period. */
export function unconfirmedCauses({ unconfirmed, unconfirmedBy, state }: PeriodRow): Cause[] {
  if (unconfirmed === 0) return [];
  const whose = Object.entries(unconfirmedBy).toSorted(([, a], [, b]) => b - a);
  const zh = whose.length === 0 ? '业务处室' : whose.map(([division, n]) => `${division} ${n} 条`).join('、');
  const en = whose.length === 0 ? 'their division' : whose.map(([division, n]) => `${division} (${n})`).join(', ');
  return [
    state === 'open'
      ? {
          code: 'unconfirmed',
          zh: `${unconfirmed} 条待处室确认：${zh}；见 hub preview`,
          en: `${unconfirmed} records wait for a division's yes: ${en}`,
        }
      : {
          code: 'unconfirmed',
          zh: `${unconfirmed} 条处室未确认，本期未报：${zh}；下一期确认后报送`,
          en: `${unconfirmed} records did not leave for want of a division's yes: ${en}; they leave once the next one is confirmed`,
        },
  ];
}

function standingCauses(period: PeriodRow, progress: Progress): Cause[] {
  const { setAside, sealedAt, nilAt } = period;
  const nothingLeft = sealedAt !== null && nilAt === null && progress.triedAt === undefined;
  const causes: Cause[] = [];
  if (nothingLeft && setAside > 0)
    causes.push({
      code: 'quarantine',
      zh: `待报的 ${setAside} 条全部在隔离中，没有一条可报；见 hub quarantine list`,
      en: `all ${setAside} pending records are in quarantine, none could leave`,
    });
  causes.push(...unconfirmedCauses(period));
  if (progress.held > 0)
    causes.push({
      code: 'held',
      zh: `${progress.held} 个批次等待人工处理；见 hub batches`,
      en: `${progress.held} batches wait for a person`,
    });
  if (progress.doneAt === undefined && progress.active > 0 && progress.triedAt !== undefined)
    causes.push({
      code: 'receipts-outstanding',
      zh: `${progress.active} 个批次还没有结果`,
      en: `${progress.active} batches have no result yet`,
    });
  return causes;
}
