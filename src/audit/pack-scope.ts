import { HubError } from '../errors.ts';
import type { Reader } from '../store/database.ts';
import {
  allBatches,
  batchesById,
  batchesBySeq,
  batchesOfPeriod,
  halvesOf,
  type PackBatchRow,
  seqsOfRecords,
} from '../store/evidence-rows.ts';
import { findRecords } from '../store/ledger.ts';
import { batchesNamed } from '../store/ledger-times.ts';
import { ledgerTerms } from './ledger-terms.ts';

/** What a pack is about. `log`: every entry and every batch. */
export interface PackScope {
  readonly kind: 'log' | 'period' | 'record' | 'batch' | 'enterprise';
  /** As it was asked for; '' for the whole log. */
  readonly value: string;
  readonly platform?: string | undefined;
}

export interface ResolvedScope extends PackScope {
  /** With the batches that they were split from, in the order of sealing. */
  readonly batches: readonly PackBatchRow[];
  /** Where it is about some records only, theirs are the only contents disclosed; else every request is, byte for byte. */
  readonly records: ReadonlySet<number> | undefined;
}

/** Finds the batches of a scope. Throws HubError PACK_EMPTY. */
export async function resolveScope(db: Reader, scope: PackScope): Promise<ResolvedScope> {
  const { batches, records } = await find(db, scope);
  const all = await withRelatives(db, batches);
  if (all.length === 0 && scope.kind !== 'log') throw empty(scope);
  return { ...scope, batches: all, records };
}

interface Found {
  readonly batches: readonly PackBatchRow[];
  readonly records?: ReadonlySet<number>;
}

async function find(db: Reader, { kind, value, platform }: PackScope): Promise<Found> {
  if (kind === 'log') return { batches: await allBatches(db) };
  if (kind === 'period') return { batches: await batchesOfPeriod(db, value, platform) };
  if (kind === 'batch') {
    const batches = await batchesBySeq(db, await batchesNamed(db, { batch: ledgerTerms(value).batch ?? value }));
    return { batches: batches.filter((batch) => platform === undefined || batch.platform === platform) };
  }
  const { key, numbers, creditCodes, names } = ledgerTerms(value);
  const terms = kind === 'record' ? { key, numbers } : { creditCodes, names };
  const ids = (await findRecords(db, terms, MOST_RECORDS)).map(({ id }) => id);
  return { batches: await batchesBySeq(db, await seqsOfRecords(db, ids, platform)), records: new Set(ids) };
}

/** Licences of one enterprise, records of one number: hundreds at most. */
const MOST_RECORDS = 2000;

/** Halves without the whole they came from, or the other way round, would leave gaps in the story. */
async function withRelatives(db: Reader, batches: readonly PackBatchRow[]): Promise<PackBatchRow[]> {
  const known = new Map(batches.map((batch) => [batch.seq, batch]));
  let fresh = [...batches];
  while (fresh.length > 0) {
    const parents = await batchesById(
      db,
      fresh.flatMap(({ parentId }) => parentId ?? []),
    );
    const halves: PackBatchRow[] = [];
    for (const { id, state } of [...fresh, ...parents]) if (state === 'SPLIT') halves.push(...(await halvesOf(db, id)));
    fresh = [...parents, ...halves].filter(({ seq }) => !known.has(seq));
    for (const batch of fresh) known.set(batch.seq, batch);
  }
  return [...known.values()].toSorted((a, b) => a.seq - b.seq);
}

const empty = ({ kind, value, platform }: PackScope): HubError =>
  new HubError(
    'PACK_EMPTY',
    `没有任何批次属于 ${kind} ${value}${platform === undefined ? '' : `（${platform}）`} (no batch belongs to it)`,
    {
      remedy: 'give-up',
      fix: '先用 hub ledger 查到记录、批次或期次的准确写法 (find the exact record, batch or period with hub ledger first)',
    },
  );
