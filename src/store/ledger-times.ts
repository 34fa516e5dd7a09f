import { placeholders, type Reader, select } from './database.ts';

/** One batch with every call about it and every receipt for it. */
export interface BatchHistory {
  readonly id: string;
  readonly parentId: string | null;
  readonly state: string;
  readonly sealedAt: string;
  readonly settledAt: string | null;
  readonly receiptId: string | null;
  readonly receipts: readonly { readonly receiptId: string; readonly receivedAt: string }[];
  readonly calls: readonly {
    readonly batchId: string;
    readonly action: 'send' | 'query';
    readonly startedAt: string;
    readonly endedAt: string | null;
    readonly outcome: string | null;
  }[];
}

/** The history of some batches and of the ones that they were split from, by batch id. */
export async function batchHistories(db: Reader, ids: readonly string[]): Promise<Map<string, BatchHistory>> {
  const known = new Map<string, BatchHistory>();
  let wanted = [...new Set(ids)];
  while (wanted.length > 0) {
    for (const batch of await readHistories(db, wanted)) known.set(batch.id, batch);
    const parents = wanted.map((id) => known.get(id)?.parentId).filter((id) => typeof id === 'string');
    wanted = [...new Set(parents)].filter((id) => !known.has(id));
  }
  return known;
}

async function readHistories(db: Reader, ids: readonly string[]): Promise<BatchHistory[]> {
  const among = `IN (${placeholders(ids.length)})`;
  const batches = await select<Omit<BatchHistory, 'receipts' | 'calls'>>(
    db,
    `SELECT id, parent_id AS "parentId", state, sealed_at AS "sealedAt", settled_at AS "settledAt", receipt_id AS "receiptId"
     FROM batches WHERE id ${among}`,
    ids,
  );
  const calls = await select<BatchHistory['calls'][number]>(
    db,
    `SELECT batch_id AS "batchId", action, started_at AS "startedAt", ended_at AS "endedAt", outcome
     FROM attempts WHERE batch_id ${among} ORDER BY id`,
    ids,
  );
  const receipts = await select<BatchHistory['receipts'][number] & { readonly batchId: string }>(
    db,
    `SELECT batch_id AS "batchId", receipt_id AS "receiptId", received_at AS "receivedAt"
     FROM receipts WHERE batch_id ${among} ORDER BY id`,
    ids,
  );
  return batches.map((batch) => ({
    ...batch,
    calls: calls.filter(({ batchId }) => batchId === batch.id),
    receipts: receipts.filter(({ batchId }) => batchId === batch.id),
  }));
}

/** Numbers of the batches that an id prefix, a receipt number or a period names, with what they were split into. */
export async function batchesNamed(
  db: Reader,
  named: { readonly batch?: string | undefined; readonly receipt?: string; readonly period?: string | undefined },
): Promise<number[]> {
  const found = new Set<number>();
  for (const [sql, bindings] of namings(named)) {
    for (const { seq } of await select<{ seq: number }>(db, sql, bindings)) found.add(Number(seq));
  }
  let parents = [...found];
  while (parents.length > 0) {
    const sql = `SELECT half.seq FROM batches half JOIN batches whole ON half.parent_id = whole.id
       WHERE whole.seq IN (${placeholders(parents.length)})`;
    const halves = (await select<{ seq: number }>(db, sql, parents)).map(({ seq }) => Number(seq));
    parents = halves.filter((seq) => !found.has(seq));
    for (const seq of parents) found.add(seq);
  }
  return [...found].toSorted((a, b) => a - b);
}

function namings({
  batch,
  receipt,
  period,
}: {
  readonly batch?: string | undefined;
  readonly receipt?: string | undefined;
  readonly period?: string | undefined;
}): readonly (readonly [string, readonly string[]])[] {
  const one = (sql: string, ...bindings: (string | undefined)[]) =>
    bindings.every((value) => value !== undefined) ? [[sql, bindings as string[]] as const] : [];
  return [
    ...one('SELECT seq FROM batches WHERE id BETWEEN ? AND ?', batch, batch === undefined ? undefined : `${batch}~`),
    ...one('SELECT seq FROM batches WHERE receipt_id = ?', receipt),
    ...one('SELECT b.seq FROM receipts r JOIN batches b ON b.id = r.batch_id WHERE r.receipt_id = ?', receipt),
    ...one('SELECT seq FROM batches WHERE period = ?', period),
  ];
}

/** Records with a delivery in one of the batches, a page in the order of record ids. */
export async function recordIdsIn(
  db: Reader,
  seqs: readonly number[],
  page: { readonly afterId: number; readonly limit: number },
): Promise<number[]> {
  if (seqs.length === 0) return [];
  const sql = `SELECT DISTINCT record_id AS "id" FROM deliveries WHERE batch_seq IN (${placeholders(seqs.length)})
     AND record_id > ? ORDER BY record_id LIMIT ${page.limit}`;
  const rows = await select<{ id: number }>(db, sql, [...seqs, page.afterId]);
  return rows.map(({ id }) => Number(id));
}

/** What the log says of single members: entries `delivery.*` of some records, in the order of the log. */
export async function memberEntries(db: Reader, recordIds: readonly number[]): Promise<Buffer[]> {
  if (recordIds.length === 0) return [];
  const sql = `SELECT entry FROM log_entries WHERE record_id IN (${placeholders(recordIds.length)}) AND action LIKE 'delivery.%'
     ORDER BY log_no, idx`;
  return (await select<{ entry: Buffer }>(db, sql, recordIds)).map(({ entry }) => entry);
}
