import type { Knex } from 'knex';
import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { Answer, HeldRecord, OutgoingBatch, Platform, QueryAnswer } from '../platform.ts';
import type { FrontDatabaseSpec } from '../platform-spec.ts';
import { withAnchored } from './anchored.ts';
import { beforeCommit, codeOf, isDuplicate } from './front-database-failure.ts';
import { clientOf, type FrontAddress, type FrontLink, openFront } from './front-database-link.ts';
import {
  dataOf,
  differs,
  type FrontRow,
  isTaken,
  isWithdrawal,
  readPackage,
  toRows,
  verdictsIn,
} from './front-database-rows.ts';
import { describeFront, type FrontTable, type TableMisfit } from './front-database-table.ts';
import type { OpenOptions } from './open.ts';

/**
 * 前置库: a batch is one transaction – a row in the ledger table, the business rows, and a read-back of every value – so after a
 * connection that broke in COMMIT one look at the ledger tells everything (delivery.md §1.4). Nothing is ever replaced.
 */
export async function openFrontDatabase(spec: FrontDatabaseSpec, options: OpenOptions): Promise<Platform> {
  const address: FrontAddress = { spec, name: options.name, allowed: options.allowed };
  clientOf(address);
  const visit = <T>(signal: AbortSignal, work: (visit: Visit) => Promise<T>): Promise<T> =>
    visiting({ address, now: options.now }, signal, work);
  return {
    send: (batch, signal) => visit(signal, (front) => send(front, batch)),
    query: (batch, signal) => visit(signal, (front) => query(front, batch)),
    holdings: (signal) => holdings(address, signal),
    close: async () => {},
  };
}

interface Visit {
  readonly link: FrontLink;
  readonly spec: FrontDatabaseSpec;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** A connection of its own for every visit, with one deadline for all of it. */
async function visiting<T>(
  { address, now }: { readonly address: FrontAddress; readonly now: () => Date },
  signal: AbortSignal,
  work: (visit: Visit) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const whole = AbortSignal.any([signal, AbortSignal.timeout((address.spec.timeout ?? 20) * 1000)]);
  const link = openFront(address, whole);
  try {
    return await work({ link, spec: address.spec, now, signal: whole });
  } finally {
    await link.close();
  }
}

async function send(visit: Visit, batch: OutgoingBatch): Promise<Answer> {
  let trx: Knex.Transaction | undefined;
  try {
    const found = await tableOf(visit, batch);
    if ('misfit' in found) return misfit(found);
    const rows = toRows(batch, found, visit.spec, visit.now());
    if ('misfit' in rows) return misfit(rows);
    trx = await visit.link.db.transaction();
    trx.executionPromise.catch(() => undefined);
    const earlier = await earlierTry(trx, visit, batch, found);
    const wrong = earlier ?? (await write(trx, { visit, batch, table: found, rows }));
    if (wrong !== undefined) {
      await trx.rollback();
      return wrong === 'here-already' ? again(visit, batch) : wrong;
    }
  } catch (error) {
    await trx?.rollback().catch(() => undefined);
    if (isDuplicate(error)) return again(visit, batch);
    return beforeCommit(error, (row) => batch.idemKeys[row - 1]);
  }
  return commit(trx, visit, batch);
}

const misfit = ({ misfit: reason }: TableMisfit): Answer => ({ outcome: 'contract-fault', reason, evidence: {} });

async function tableOf({ link, spec }: Visit, batch: OutgoingBatch): Promise<FrontTable | TableMisfit> {
  const { dataClass } = readPackage(batch);
  const name = spec.tables[dataClass];
  if (name === undefined) return { misfit: `作业没有写 ${dataClass} 的表 (the job names no table for ${dataClass})` };
  return describeFront(link, name, spec);
}

const ledgerOf = ({ ledger = 'hub_batch' }: FrontDatabaseSpec): string | undefined =>
  ledger === 'none' ? undefined : ledger;

/** Was this batch here before? Then nothing is written: the query tells what became of it. */
async function earlierTry(
  db: Knex,
  { spec }: Visit,
  batch: OutgoingBatch,
  table: FrontTable,
): Promise<'here-already' | Extract<Answer, { outcome: 'conflict' }> | undefined> {
  const ledger = ledgerOf(spec);
  if (ledger === undefined) {
    const held = await heldRows(db, table, batch, spec);
    return held.length === 0 ? undefined : 'here-already';
  }
  const kept = await ledgerRow(db, ledger, batch);
  if (kept === undefined) return undefined;
  return kept === batch.bodyDigest
    ? 'here-already'
    : conflict('批次表中是别的内容 (the ledger table has other content under this id)');
}

async function ledgerRow(db: Knex, ledger: string, { batchId }: OutgoingBatch): Promise<string | undefined> {
  const row: { manifest_digest?: unknown } | undefined = await db(ledger)
    .where({ batch_id: batchId })
    .first('manifest_digest');
  return row === undefined ? undefined : String(row.manifest_digest);
}

/** With the checkpoint that the ledger really holds for this batch, where the job names a column for it. */
async function anchoredIn<A extends Answer | QueryAnswer>(visit: Visit, batch: OutgoingBatch, answer: A): Promise<A> {
  const { spec, link } = visit;
  const [column, ledger] = [spec.anchor?.column, ledgerOf(spec)];
  if (column === undefined || ledger === undefined || !('receiptId' in answer)) return answer;
  const row = await link.db(ledger).where({ batch_id: batch.batchId }).first(column);
  return withAnchored(answer, row?.[column]);
}

interface Writing {
  readonly visit: Visit;
  readonly batch: OutgoingBatch;
  readonly table: FrontTable;
  readonly rows: readonly FrontRow[];
}

/** The ledger row first: whoever comes second waits at its key, or is told that it is there. */
async function write(trx: Knex, { visit, batch, table, rows }: Writing): Promise<Answer | undefined> {
  const ledger = ledgerOf(visit.spec);
  if (ledger !== undefined) {
    const { batchId, bodyDigest, epoch, anchor } = batch;
    const slot = visit.spec.anchor === undefined ? {} : { [visit.spec.anchor.column]: anchor ?? null };
    await trx(ledger).insert({ batch_id: batchId, manifest_digest: bodyDigest, n: rows.length, epoch, ...slot });
  }
  const size = Math.max(1, Math.floor(2000 / Object.keys(rows[0] ?? {}).length));
  for (let from = 0; from < rows.length; from += size) {
    try {
      await trx(table.name).insert(rows.slice(from, from + size) as object[]);
    } catch (error) {
      if (isDuplicate(error)) throw error;
      return beforeCommit(error, (row) => batch.idemKeys[from + row - 1]);
    }
  }
  const wrong = differs(rows, await heldRows(trx, table, batch, visit.spec), table);
  return wrong === undefined
    ? undefined
    : conflict(`前置库改动了内容：${wrong}；已撤回，未留下任何数据 (the database changed a value; rolled back)`);
}

/** From here on nobody knows until the ledger was looked at. */
async function commit(trx: Knex.Transaction, visit: Visit, batch: OutgoingBatch): Promise<Answer> {
  try {
    await trx.commit();
    // knex settles `commit` even when COMMIT failed: what happened stands in the execution promise alone.
    await trx.executionPromise;
  } catch (error) {
    return {
      outcome: 'unknown',
      reason: `提交时连接中断 (the connection broke in COMMIT; ${codeOf(error)})`,
      evidence: {},
    };
  }
  return withAnchored(taken(batch, visit.spec), visit.spec.anchor && batch.anchor);
}

/** Where the platform writes nothing back, what is committed and read back is accepted. */
function taken(
  batch: OutgoingBatch,
  { receipts }: FrontDatabaseSpec,
): Extract<Answer, { outcome: 'received' | 'answered' }> {
  const head = {
    receiptId: batch.batchId,
    evidence: evidence({ batchNo: batch.batchId, rows: batch.idemKeys.length }),
  };
  if (receipts !== 'sync') return { outcome: 'received', ...head };
  const verdicts = batch.idemKeys.map((idemKey) => ({ idemKey, outcome: 'accepted' as const, code: 'STORED' }));
  return { outcome: 'answered', verdicts, ...head };
}

const evidence = (seen: object) => ({ bytes: Buffer.from(JSON.stringify(seen)) });

const conflict = (reason: string): Extract<Answer, { outcome: 'conflict' }> => ({
  outcome: 'conflict',
  reason,
  evidence: {},
});

/** It is here already: an earlier try of ours was faster than we thought, or a row id of ours came under another batch. */
async function again(visit: Visit, batch: OutgoingBatch): Promise<Answer> {
  const answer = await query(visit, batch);
  return answer.outcome === 'absent'
    ? conflict('行号已在别的批次中 (a row id of ours stands in another batch)')
    : answer;
}

async function query(visit: Visit, batch: OutgoingBatch): Promise<QueryAnswer> {
  try {
    return await anchoredIn(visit, batch, await look(visit, batch));
  } catch (error) {
    const told = beforeCommit(error, () => undefined);
    return { outcome: 'unknown', reason: 'reason' in told ? told.reason : codeOf(error), evidence: {} };
  }
}

async function look(visit: Visit, batch: OutgoingBatch): Promise<QueryAnswer> {
  const { spec, link } = visit;
  const table = await tableOf(visit, batch);
  if ('misfit' in table) return unknown(table.misfit);
  const ledger = ledgerOf(spec);
  const kept = ledger === undefined ? undefined : await ledgerRow(link.db, ledger, batch);
  if (kept !== undefined && kept !== batch.bodyDigest)
    return conflict('批次表中是别的内容 (the ledger table has other content under this id)');
  const held = await heldRows(link.db, table, batch, spec);
  if (ledger !== undefined && kept === undefined)
    return { outcome: 'absent', evidence: evidence({ ledger: 'absent' }) };
  if (ledger === undefined && held.length === 0) return { outcome: 'absent', evidence: evidence({ rows: 0 }) };
  const rows = toRows(batch, table, spec, visit.now());
  if ('misfit' in rows) return unknown(rows.misfit);
  if (held.length < rows.length) {
    if (spec.receipts === 'sync' && ledger !== undefined) return taken(batch, spec);
    return unknown('行已被移走，结果不明，请与平台核对 (rows were taken away: clear it with the platform)');
  }
  const wrong = differs(rows, held, table);
  if (wrong !== undefined) return conflict(`前置库中的内容：${wrong} (the table holds something else)`);
  if (spec.receipts === 'sync') return taken(batch, spec);
  const verdicts = verdictsIn(inOrder(held, table, batch), table, spec);
  if (verdicts === undefined) return taken(batch, spec);
  return { outcome: 'answered', receiptId: batch.batchId, verdicts, evidence: evidence(verdicts) };
}

const unknown = (reason: string): Extract<Answer, { outcome: 'unknown' }> => ({
  outcome: 'unknown',
  reason,
  evidence: {},
});

const IDS_PER_QUERY = 500;

/** Our rows by their ids: under a ledger only those of this batch. */
async function heldRows(
  db: Knex,
  table: FrontTable,
  { batchId, idemKeys }: OutgoingBatch,
  spec: FrontDatabaseSpec,
): Promise<FrontRow[]> {
  const { batchNo, rowId } = table.marks;
  if (ledgerOf(spec) !== undefined) return db(table.name).where(batchNo, batchId).select('*');
  const rows: FrontRow[] = [];
  for (let from = 0; from < idemKeys.length; from += IDS_PER_QUERY) {
    rows.push(
      ...(await db(table.name)
        .whereIn(rowId, idemKeys.slice(from, from + IDS_PER_QUERY))
        .select('*')),
    );
  }
  return rows;
}

function inOrder(held: readonly FrontRow[], { marks }: FrontTable, { idemKeys }: OutgoingBatch): readonly FrontRow[] {
  const places = new Map(idemKeys.map((key, index) => [key, index]));
  const placeOf = (row: FrontRow): number => places.get(String(row[marks.rowId])) ?? 0;
  return held.toSorted((a, b) => placeOf(a) - placeOf(b));
}

const PAGE = 1000;

/** Every row that the platform took, table by table in order of row id; a record in several versions comes several times. */
async function* holdings(address: FrontAddress, signal: AbortSignal): AsyncGenerator<HeldRecord> {
  const link = openFront(address, signal);
  try {
    for (const name of new Set(Object.values(address.spec.tables)))
      yield* tableHoldings(link, name, address.spec, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof HubError ? error : unreadable(codeOf(error));
  } finally {
    await link.close();
  }
}

async function* tableHoldings(
  link: FrontLink,
  name: string,
  spec: FrontDatabaseSpec,
  signal: AbortSignal,
): AsyncGenerator<HeldRecord> {
  const table = await describeFront(link, name, spec);
  if ('misfit' in table) throw unreadable(table.misfit);
  const { rowId } = table.marks;
  for (let after = ''; ; ) {
    signal.throwIfAborted();
    const rows: FrontRow[] = await link.db(name).where(rowId, '>', after).orderBy(rowId).limit(PAGE).select('*');
    for (const row of rows.filter((each) => isTaken(each, table, spec))) {
      const data = dataOf(row, table);
      yield {
        idemKey: String(row[rowId]),
        operation: isWithdrawal(row, table, spec) ? 'WITHDRAW' : 'UPSERT',
        ...(data === undefined ? {} : { payloadHash: sha256(data) }),
      };
    }
    if (rows.length < PAGE) return;
    after = String(rows.at(-1)?.[rowId]);
  }
}

const unreadable = (why: string): HubError =>
  new HubError('PLATFORM_UNREADABLE', `前置库读不全：${why} (the front-end database cannot be read)`, {
    remedy: 'retry',
    fix: '什么都没有比对，请稍后再试；持续如此请联系平台 (nothing was compared; try later, and if it stays so ask the platform)',
  });
