import { dueTimes } from '../job/schedule.ts';

/** One call to a platform, as the attempts table keeps it. */
export interface Call {
  readonly batchId: string;
  readonly action: 'send' | 'query';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string | null;
}

/** One batch that a delivery is, or before a split was, a member of. */
export interface BatchTimes {
  readonly id: string;
  readonly state: string;
  readonly sealedAt: string;
  readonly settledAt: string | null;
  readonly receiptId: string | null;
  /** When each receipt for it came, oldest first. */
  readonly receipts: readonly { readonly receiptId: string; readonly receivedAt: string }[];
  readonly calls: readonly Call[];
}

/** How a delivery stands today, with the batches it went through, oldest first. */
export interface DeliveryTimes {
  readonly state: string;
  /** What the log says of this member alone, oldest first: rejections, contradictions, parts of receipts, words of persons. */
  readonly changes?: readonly { readonly at: string; readonly state: string }[];
  readonly batches: readonly BatchTimes[];
}

/**
 * `sealed` nothing left yet · `sent` on the wire, no answer · `received` taken, verdict to come · `unknown` perhaps there ·
 * `not-sent` certainly not there · `refused` sent back as a whole · `held` waits for a person; or the member's own verdict.
 */
export interface Standing {
  readonly state: string;
  /** When the platform first could have known: its first send. */
  readonly toldAt: string | null;
  /** When this state began. */
  readonly since: string;
  readonly batchId: string;
  readonly receiptId: string | null;
}

const AFTER: { readonly [outcome: string]: string } = {
  answered: 'received',
  received: 'received',
  unknown: 'unknown',
  absent: 'not-sent',
  'not-sent': 'not-sent',
  refused: 'refused',
  conflict: 'held',
  'contract-fault': 'held',
};

/** How a delivery stood at an instant (UTC text); `undefined`: it was not sealed yet. A receipt that came later changes nothing before it. */
export function standingAt(delivery: DeliveryTimes, at: string): Standing | undefined {
  const known = delivery.batches.filter(({ sealedAt }) => sealedAt <= at);
  const batch = known.at(-1);
  if (batch === undefined) return undefined;
  const calls = known.flatMap((one) => one.calls).filter(({ startedAt }) => startedAt <= at);
  const toldAt = calls.find(({ action, outcome }) => action === 'send' && outcome !== 'not-sent')?.startedAt ?? null;
  const receiptId = batch.receipts.findLast(({ receivedAt }) => receivedAt <= at)?.receiptId ?? null;
  const isCurrent = batch === delivery.batches.at(-1);
  const { changes = [] } = delivery;
  const change = isCurrent ? changes.findLast((one) => one.at <= at) : undefined;
  const about = { toldAt, batchId: batch.id };
  if (change !== undefined) return { ...about, state: change.state, since: change.at, receiptId };
  if (isCurrent && batch.settledAt !== null && batch.settledAt <= at) {
    // What was said of it alone came later: until then it went with its batch.
    const state = changes.length > 0 ? 'accepted' : delivery.state;
    return { ...about, state, since: batch.settledAt, receiptId: receiptId ?? batch.receiptId };
  }
  return { ...progress(batch, calls, at), toldAt, batchId: batch.id, receiptId };
}

function progress(batch: BatchTimes, calls: readonly Call[], at: string): { state: string; since: string } {
  const own = calls.filter(({ batchId }) => batchId === batch.id);
  const last = own.at(-1);
  if (last === undefined) return { state: 'sealed', since: batch.sealedAt };
  if (last.endedAt !== null && last.endedAt <= at && last.outcome !== null)
    return { state: AFTER[last.outcome] ?? last.outcome, since: last.endedAt };
  if (last.action === 'send') return { state: 'sent', since: last.startedAt };
  const before = progress(batch, own.slice(0, -1), at);
  return before.state === 'sealed' ? { state: 'sent', since: last.startedAt } : before;
}

/** What a platform shows of one record at an instant. */
export interface Told {
  readonly platform: string;
  /** The version that it confirmed last; `null` where it confirmed none. */
  readonly confirmed: number | null;
  readonly operation: 'UPSERT' | 'WITHDRAW' | null;
  /** A newer version is on its way or its fate is unknown. */
  readonly underway: number | null;
  readonly since: string | null;
  readonly batchId: string | null;
  readonly receiptId: string | null;
}

export interface ToldRow extends Standing {
  readonly platform: string;
  readonly version: number;
  readonly operation: 'UPSERT' | 'WITHDRAW';
}

/** Who had been told what: one line per platform, from how its deliveries stood. */
export function toldAt(rows: readonly ToldRow[]): Told[] {
  const platforms = [...new Set(rows.map(({ platform }) => platform))].toSorted();
  return platforms.map((platform) => {
    const own = rows.filter((row) => row.platform === platform).toSorted((a, b) => a.version - b.version);
    const confirmed = own.findLast(({ state }) => state === 'accepted');
    const underway = own.findLast(({ state, version }) => UNDERWAY.has(state) && version > (confirmed?.version ?? 0));
    return {
      platform,
      confirmed: confirmed?.version ?? null,
      operation: confirmed?.operation ?? null,
      underway: underway?.version ?? null,
      since: confirmed?.since ?? null,
      batchId: confirmed?.batchId ?? null,
      receiptId: confirmed?.receiptId ?? null,
    };
  });
}

const UNDERWAY: ReadonlySet<string> = new Set(['sent', 'received', 'unknown', 'held', 'conflict', 'refused']);

/** The last instant of a local day (UTC text), or an instant as it is written; `undefined` where it is neither. */
export function endOf(text: string, timezone: string): string | undefined {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return endOfDay(text, timezone);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

function endOfDay(day: string, timezone: string): string | undefined {
  const noon = new Date(`${day}T12:00:00Z`);
  if (noon.toJSON()?.startsWith(day) !== true) return undefined;
  const local = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short' });
  const around = [noon.getTime() - 36 * HOUR, noon.getTime() + 48 * HOUR] as const;
  const midnights = dueTimes({ cron: '0 0 * * *' }, new Date(around[0]), new Date(around[1]), timezone);
  const next = midnights.find((at) => local.format(at) > day);
  return next === undefined ? undefined : new Date(next.getTime() - 1).toISOString();
}

const HOUR = 3_600_000;
