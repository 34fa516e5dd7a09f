import { readEntry } from '../evidence/entry.ts';
import type { Reader } from '../store/database.ts';
import { findRecords, type LedgerRow, ledgerOf, type RecordRow, recordsById } from '../store/ledger.ts';
import { type BatchHistory, batchesNamed, batchHistories, memberEntries, recordIdsIn } from '../store/ledger-times.ts';
import { type BatchTimes, standingAt, type Told, type ToldRow, toldAt } from './as-of.ts';
import type { LedgerTerms } from './ledger-terms.ts';

/** One record with every version × platform × receipt. */
export interface RecordLedger extends RecordRow {
  readonly ledger: readonly Omit<LedgerRow, 'recordId'>[];
  /** Only with `asOf`: what each platform had been told by then. */
  readonly told?: readonly Told[];
}

export interface LedgerQuestion {
  readonly terms: LedgerTerms;
  /** UTC instant: the ledger as it stood then. */
  readonly asOf?: string | undefined;
  readonly platform?: string | undefined;
}

const PAGE = 200;

/** Records that a question is about, a page at a time; batches and receipts name all their members. */
export async function* ledgers(db: Reader, question: LedgerQuestion): AsyncGenerator<RecordLedger> {
  const { terms } = question;
  const records = await findRecords(db, terms, PAGE);
  yield* withLedgers(db, records, question);
  const seen = new Set(records.map(({ id }) => id));
  const seqs = await batchesNamed(db, terms);
  let afterId = -1;
  for (;;) {
    const ids = await recordIdsIn(db, seqs, { afterId, limit: PAGE });
    if (ids.length === 0) return;
    afterId = ids.at(-1) ?? afterId;
    const fresh = await recordsById(
      db,
      ids.filter((id) => !seen.has(id)),
    );
    yield* withLedgers(db, fresh, question);
  }
}

async function* withLedgers(
  db: Reader,
  records: readonly RecordRow[],
  { asOf, platform }: LedgerQuestion,
): AsyncGenerator<RecordLedger> {
  const ids = records.map(({ id }) => id);
  const rows = (await ledgerOf(db, ids)).filter((row) => platform === undefined || row.platform === platform);
  const byRecord = Map.groupBy(rows, ({ recordId }) => recordId);
  const known = asOf === undefined ? NOTHING : await historyOf(db, ids, rows);
  for (const record of records) {
    const own = byRecord.get(record.id) ?? [];
    if (asOf === undefined) yield { ...record, ledger: own.map(withoutRecord) };
    else yield { ...record, ...ledgerAt(own, known, asOf) };
  }
}

/** What happened to batches, and what was said of single members, by idem key. */
interface History {
  readonly batches: ReadonlyMap<string, BatchHistory>;
  readonly changes: ReadonlyMap<string, readonly { readonly at: string; readonly state: string }[]>;
}

const NOTHING: History = { batches: new Map(), changes: new Map() };

async function historyOf(db: Reader, ids: readonly number[], rows: readonly LedgerRow[]): Promise<History> {
  const changes = (await memberEntries(db, ids)).flatMap((bytes) => {
    const read = readEntry(bytes);
    if ('wrong' in read) return [];
    const { delivery, to, t } = read.entry;
    return delivery === undefined || to === undefined ? [] : [{ delivery, at: t, state: to }];
  });
  return {
    batches: await batchHistories(db, batchIds(rows)),
    changes: Map.groupBy(changes, ({ delivery }) => delivery),
  };
}

const batchIds = (rows: readonly LedgerRow[]): string[] => rows.flatMap(({ batchId }) => batchId ?? []);

const withoutRecord = ({ recordId: _, ...row }: LedgerRow): Omit<LedgerRow, 'recordId'> => row;

/** The ledger of one record as it stood at an instant: what was not yet known then is not there. */
function ledgerAt(
  rows: readonly LedgerRow[],
  known: History,
  at: string,
): { ledger: Omit<LedgerRow, 'recordId'>[]; told: Told[] } {
  const kept = rows.filter(({ createdAt }) => createdAt <= at);
  const told: ToldRow[] = [];
  const ledger: Omit<LedgerRow, 'recordId'>[] = [];
  for (const [, versions] of Map.groupBy(kept, ({ version }) => version)) {
    const standing = versions.flatMap((row) => rowAt(row, known, at, told));
    const [first] = versions;
    if (standing.length > 0) ledger.push(...standing);
    else if (first !== undefined) ledger.push({ ...withoutRecord(first), ...NOT_YET });
  }
  return { ledger, told: toldAt(told) };
}

const NOT_YET = {
  ...{ platform: null, rendition: null, state: null, verdict: null, verdictReason: null, idemKey: null },
  ...{ batchId: null, batchState: null, receiptId: null, sentAt: null, settledAt: null },
};

function rowAt(
  row: LedgerRow,
  { batches, changes }: History,
  at: string,
  told: ToldRow[],
): Omit<LedgerRow, 'recordId'>[] {
  if (row.platform === null || row.batchId === null || row.state === null) return [];
  const standing = standingAt(
    { state: row.state, batches: lineage(row.batchId, batches), changes: changes.get(row.idemKey ?? '') ?? [] },
    at,
  );
  if (standing === undefined) return [];
  const { platform, version, operation } = row;
  told.push({ ...standing, platform, version, operation });
  const isFinal = standing.state === row.state && row.settledAt !== null && row.settledAt <= at;
  return [
    {
      ...withoutRecord(row),
      state: standing.state,
      verdict: isFinal ? row.verdict : null,
      verdictReason: isFinal ? row.verdictReason : null,
      batchId: standing.batchId,
      batchState: isFinal ? row.batchState : null,
      receiptId: standing.receiptId,
      sentAt: standing.toldAt,
      settledAt: isFinal ? row.settledAt : null,
    },
  ];
}

/** A batch and what it was split from, oldest first. */
function lineage(batchId: string, histories: ReadonlyMap<string, BatchHistory>): BatchTimes[] {
  const line: BatchTimes[] = [];
  for (let next = histories.get(batchId); next !== undefined; next = histories.get(next.parentId ?? '')) {
    line.unshift(next);
  }
  return line;
}
