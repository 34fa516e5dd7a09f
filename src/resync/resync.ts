import { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import type { RunReport } from '../run-report.ts';
import type { RequestRow } from '../store/requests.ts';
import { idsNamed } from '../store/resync-candidates.ts';
import { lastDone, type ResyncRow } from '../store/resyncs.ts';
import { didYouMean } from '../suggest.ts';
import { causes, matterOf, requestFor } from './approval.ts';
import { carryOut } from './carry-out.ts';
import { order, underWay } from './order.ts';
import { type Preview, preview } from './preview.ts';
import { type Selection, selectionDigest } from './selection.ts';

export interface ResyncOptions {
  /** Actor of the log. */
  readonly by: string;
  readonly reason: string;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  /** Not the command of a moment ago clicked twice, but a new one. */
  readonly anew: boolean;
  readonly waitMs: number;
}

/** `repeated`: the same command ended well a moment ago, or is under way: it is that one, nothing is done twice. */
export type Resynced =
  | { readonly outcome: 'preview' | 'nothing'; readonly preview: Preview; readonly causes: readonly string[] }
  | {
      readonly outcome: 'waiting';
      readonly preview: Preview;
      readonly causes: readonly string[];
      readonly request: RequestRow;
    }
  | { readonly outcome: 'repeated'; readonly resync: ResyncRow }
  | { readonly outcome: 'sent'; readonly resync: number; readonly report: RunReport; readonly preview?: Preview };

/** ms in which the same command is taken for a second click. */
const SECOND_CLICK_MS = 10 * 60_000;

/**
 * Gives a platform what a person selected, by the ordinary push. No cursor moves; an older version never goes out; what the
 * platform has is sent only with `again`. Throws HubError USAGE_… or RESYNC_BUSY.
 */
export async function resync(hub: Hub, selection: Selection, options: ResyncOptions): Promise<Resynced> {
  const job = pushJob(hub, selection.platform);
  const digest = selectionDigest(selection);
  const carry = (row: ResyncRow): Promise<RunReport> => carryOut(hub, row, { job, ...options });
  if (!options.dryRun) {
    const before = await underWay(hub, selection.platform, digest);
    if (before?.mine) return { outcome: 'sent', resync: before.row.id, report: await carry(before.row) };
    const same = before === undefined ? await clicked(hub, digest, options) : sameCommand(before.row, digest);
    if (same !== undefined) return { outcome: 'repeated', resync: same };
  }
  const shown = await preview(hub, job, { selection, ids: await named(hub, selection.keys) });
  const why = causes(selection, shown, hub.settings.resyncApproval);
  const answer = { preview: shown, causes: why };
  if (options.dryRun) return { outcome: 'preview', ...answer };
  if (shown.recordIds.length === 0) return { outcome: 'nothing', ...answer };
  const matter = matterOf(selection, shown);
  const request = why.length === 0 ? undefined : await requestFor(hub, matter, options);
  if (request !== undefined && request.state !== 'approved') return { outcome: 'waiting', ...answer, request };
  const ordered = await order(hub, {
    ...{ platform: selection.platform, selection: digest, matter, preview: shown },
    ...{ needsApproval: request !== undefined, by: options.by, reason: options.reason },
  });
  if (ordered === 'approval-gone')
    return { outcome: 'waiting', ...answer, request: await requestFor(hub, matter, options) };
  if (!ordered.mine) return { outcome: 'repeated', resync: sameCommand(ordered.row, digest) };
  return { outcome: 'sent', resync: ordered.row.id, report: await carry(ordered.row), preview: shown };
}

function pushJob({ jobs }: Hub, platform: string): PushJob {
  const pushes = jobs.filter((job): job is PushJob => job.kind === 'push');
  const found = pushes.find(({ platformName }) => platformName === platform);
  if (found !== undefined) return found;
  const known = pushes.map(({ platformName }) => platformName);
  const hint = didYouMean(platform, known);
  throw new HubError(
    'PLATFORM_UNKNOWN',
    `没有平台 ${platform}${hint.zh} (there is no platform ${platform}${hint.en})`,
    {
      remedy: 'give-up',
      fix: `现有平台 (platforms): ${known.join(', ')}`,
    },
  );
}

/** Ids of the records that the words name; `undefined` where no word narrows. A word that names nothing is a fault. */
async function named({ db }: Hub, keys: readonly string[]): Promise<readonly number[] | undefined> {
  if (keys.length === 0) return undefined;
  const ids = new Set<number>();
  const unknown: string[] = [];
  for (const key of keys) {
    const found = await idsNamed(db, key);
    if (found.length === 0) unknown.push(key);
    for (const id of found) ids.add(id);
  }
  if (unknown.length === 0) return [...ids].toSorted((a, b) => a - b);
  throw new HubError('RECORD_UNKNOWN', `证照库中没有 ${unknown.join('、')} (not in the library)`, {
    remedy: 'give-up',
    fix: '写业务主键、编号、统一社会信用代码或名称，可先用 hub ledger 查找 (a key, number, credit code or name; look with hub ledger)',
  });
}

/** The same command that ended well a moment ago. */
async function clicked({ db, now }: Hub, digest: string, { anew }: ResyncOptions): Promise<ResyncRow | undefined> {
  const last = anew ? undefined : await lastDone(db, digest);
  const ended = last?.endedAt ?? undefined;
  return ended !== undefined && now().getTime() - Date.parse(ended) < SECOND_CLICK_MS ? last : undefined;
}

function sameCommand(row: ResyncRow, digest: string): ResyncRow {
  if (row.selection === digest) return row;
  throw new HubError('RESYNC_BUSY', `平台 ${row.platform} 正在重报 #${row.id} (another resync is under way there)`, {
    remedy: 'retry',
    fix: '等它结束后再试 (try again when it has ended)',
  });
}
