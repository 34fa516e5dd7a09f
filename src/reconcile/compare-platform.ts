import { isoWeek } from '../calendar/day.ts';
import type { Hub } from '../hub-context.ts';
import type { HeldRecord, Platform } from '../platform.ts';
import {
  type HeldRow,
  heldAfter,
  heldNames,
  heldUnresolved,
  keepHeld,
  type Resolved,
  resolveHeld,
} from '../store/held-records.ts';
import { type LedgerDelivery, type LedgerRecord, ledgerAfter } from '../store/ledger-pages.ts';
import type { Difference } from '../store/reconciliations.ts';
import { type Comparison, handfuls, mergeByKey, paged } from './compare.ts';
import { judgeRecord, newestAccepted } from './judge-record.ts';
import { openTally, type Tally } from './tally.ts';

export interface PlatformComparison {
  readonly hub: Hub;
  readonly id: number;
  readonly platformName: string;
  readonly platform: Pick<Platform, 'holdings'>;
  /** When the list was asked for. */
  readonly since: string;
  readonly signal: AbortSignal;
  readonly keep: (differences: readonly Difference[]) => Promise<void>;
}

const ROWS = 500;
const NO_KEY: Buffer = Buffer.alloc(0);

/** Library ↔ platform: keeps the list in the database, in key order, and merges it with the ledger; memory stays flat. */
export async function comparePlatform(context: PlatformComparison): Promise<Comparison> {
  await keepList(context);
  await resolveRowIds(context);
  const counts = { missing: 0, extra: 0, stale: 0, moving: 0 };
  const tally = openTally();
  const differences = judged(context, tally, () => {
    counts.moving += 1;
  });
  for await (const some of handfuls(differences, ROWS)) {
    context.signal.throwIfAborted();
    for (const { state } of some) counts[state] += 1;
    await context.keep(some);
  }
  return { ...counts, groups: tally.groups() };
}

async function keepList({ hub, id, platform, signal }: PlatformComparison): Promise<void> {
  const held = platform.holdings?.(signal);
  if (held === undefined) return;
  for await (const rows of handfuls(held, ROWS)) await keepHeld(hub.db, id, rows.map(toRow), 'refuse');
}

function toRow(held: HeldRecord): HeldRow {
  const rest = { operation: held.operation, ...(held.payloadHash === undefined ? {} : { digest: held.payloadHash }) };
  if ('idemKey' in held) return { name: held.idemKey, ...rest };
  return { name: held.recordKey, recordKey: held.recordKey, version: held.version, ...rest };
}

/** A platform that knows row ids only may list a record in several versions: the newest one counts. */
async function resolveRowIds(context: PlatformComparison): Promise<void> {
  const { hub, id, signal } = context;
  const byName = (after: string) => heldUnresolved(hub.db, id, after, 1);
  if ((await byName('')).length === 0) return;
  const records = ledger(context);
  for await (const some of handfuls(records, ROWS)) {
    signal.throwIfAborted();
    const listed = await namesListed(context, some);
    const resolved = some.flatMap((record) => resolvedOf(record, listed));
    await resolveHeld(hub.db, id, resolved);
  }
}

async function namesListed({ hub, id }: PlatformComparison, records: readonly LedgerRecord[]): Promise<Set<string>> {
  const names = records.flatMap(({ deliveries }) => deliveries.map(({ idemKey }) => idemKey));
  return heldNames(hub.db, id, names);
}

function resolvedOf({ key, deliveries }: LedgerRecord, listed: ReadonlySet<string>): Resolved[] {
  const there = deliveries.filter(({ idemKey }) => listed.has(idemKey));
  const newest = there.at(-1);
  return there.map((delivery) => ({
    name: delivery.idemKey,
    recordKey: delivery === newest ? key.toString('hex') : null,
    version: delivery.version,
  }));
}

const ledger = ({ hub, platformName }: PlatformComparison): AsyncGenerator<LedgerRecord> =>
  paged(
    NO_KEY,
    (after) => ledgerAfter(hub.db, platformName, { after, limit: ROWS }),
    ({ key }) => key,
  );

interface Listed extends HeldRow {
  readonly key: Buffer;
}

async function* list({ hub, id }: PlatformComparison): AsyncGenerator<Listed> {
  const keyOf = ({ recordKey = '' }: HeldRow): Buffer => Buffer.from(recordKey, 'hex');
  for await (const row of paged(NO_KEY, (after) => heldAfter(hub.db, id, after, ROWS), keyOf)) {
    yield { ...row, key: keyOf(row) };
  }
}

async function* judged(context: PlatformComparison, tally: Tally, moving: () => void): AsyncGenerator<Difference> {
  for await (const [record, listed] of mergeByKey(ledger(context), list(context))) {
    const difference =
      record === undefined ? stranger(listed, tally) : known(context, { record, listed, tally, moving });
    if (difference !== undefined) yield difference;
  }
  const { hub, id } = context;
  const unresolved = paged(
    '',
    (after) => heldUnresolved(hub.db, id, after, ROWS),
    ({ name }) => name,
  );
  for await (const row of unresolved) {
    const difference = stranger(row, tally);
    if (difference !== undefined) yield difference;
  }
}

/** On the platform, and nothing of it in the library. */
function stranger(listed: HeldRow | undefined, tally: Tally): Difference | undefined {
  if (listed === undefined || listed.operation === 'WITHDRAW') return undefined;
  const { name, recordKey: key = name, version = 0, digest: payloadHash } = listed;
  tally.add({ type: '—', period: null }, undefined, { key, version, payloadHash });
  return {
    ...{ name, state: 'extra', cause: 'unknown', heldVersion: listed.version },
    ...{ recordId: undefined, type: undefined, period: undefined, version: undefined },
  };
}

interface Known {
  readonly record: LedgerRecord;
  readonly listed: Listed | undefined;
  readonly tally: Tally;
  readonly moving: () => void;
}

function known(context: PlatformComparison, { record, listed, tally, moving }: Known): Difference | undefined {
  const { deliveries, type, id: recordId } = record;
  if (deliveries.length === 0 && listed === undefined) return undefined;
  const theirs = listed && { version: listed.version ?? 0, operation: listed.operation, payloadHash: listed.digest };
  const finding = judgeRecord(deliveries, theirs, context.since);
  if (finding.state === 'moving') {
    moving();
    return undefined;
  }
  const due = newestAccepted(deliveries);
  const period = due === undefined ? undefined : periodOf(context.hub, due);
  addUp(tally, { record, listed, due, period });
  if (finding.state === 'agrees') return undefined;
  const name = record.key.toString('hex');
  return { name, ...finding, recordId, type, period, version: due?.version, heldVersion: listed?.version };
}

interface Counted extends Pick<Known, 'record' | 'listed'> {
  readonly due: LedgerDelivery | undefined;
  readonly period: string | undefined;
}

function addUp(tally: Tally, { record, listed, due, period }: Counted): void {
  const key = record.key.toString('hex');
  const ours = due?.operation === 'UPSERT' ? { key, version: due.version, payloadHash: due.payloadHash } : undefined;
  const payloadHash = listed?.digest ?? due?.payloadHash;
  const theirs = listed?.operation === 'UPSERT' ? { key, version: listed.version ?? 0, payloadHash } : undefined;
  if (ours !== undefined || theirs !== undefined)
    tally.add({ type: record.type, period: period ?? null }, ours, theirs);
}

/** Outside of a period: the ISO week of its sealing. */
const periodOf = (hub: Hub, { period, sealedAt }: LedgerDelivery): string =>
  period ?? isoWeek(hub.localDate(new Date(sealedAt)));
