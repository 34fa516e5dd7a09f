import knex, { type Knex } from 'knex';
import type { Books, Entry } from './books.ts';
import { momentOf } from './days.ts';
import { penaltyRow } from './penalties.ts';

/** 处罚系统: a table `xzcf` in a database of its own, as an outside system would offer it to be read. */
export interface PenaltySystem {
  /** `sqlite:…` or `mysql://…`, as a pull job wants it. */
  readonly url: string;
  /** Writes what the books have changed since the last time. */
  refresh(): Promise<number>;
  close(): Promise<void>;
}

const AT_ONCE = 500;

export async function openPenaltySystem(url: string, books: Books): Promise<PenaltySystem> {
  const db = knex(
    url.startsWith('sqlite:')
      ? { client: 'better-sqlite3', connection: { filename: url.slice(7) }, useNullAsDefault: true }
      : { client: 'mysql2', connection: url },
  );
  if (!(await db.schema.hasTable('xzcf'))) await createTable(db, Object.keys(penaltyRow(books.world, 0, 'any')));
  const system: PenaltySystem = { url, refresh: () => refresh(db, books), close: () => db.destroy() };
  await system.refresh();
  return system;
}

/** Everything is text, as so often; `updated_at` is set by the system, `id` counts. */
const createTable = (db: Knex, columns: readonly string[]): Promise<void> =>
  db.schema.createTable('xzcf', (table) => {
    table.integer('id').primary();
    for (const column of columns) table.text(column);
    table.string('updated_at', 19).notNullable();
    table.index(['updated_at', 'id']);
  });

/** Reads the books from the newest moment that the table holds: a stop half-way is made good by the next start. */
async function refresh(db: Knex, books: Books): Promise<number> {
  const held = await db('xzcf').count<{ n: number }[]>({ n: '*' });
  const isFirst = Number(held[0]?.n ?? 0) < books.world.size.penalty;
  const since = isFirst ? 0 : Number(books.note('penaltiesWritten') ?? 0);
  let written = 0;
  let newest = since;
  for (;;) {
    const { rows, total } = books.list('penalty', { since, offset: written, limit: AT_ONCE });
    if (rows.length > 0) await db('xzcf').insert(rows.map(asRow)).onConflict('id').merge();
    written += rows.length;
    newest = Math.max(newest, ...rows.map(({ changedAt }) => changedAt));
    if (rows.length === 0 || written >= total) break;
  }
  books.setNote('penaltiesWritten', String(newest));
  return written;
}

const asRow = ({ index, row, changedAt }: Entry): { readonly [column: string]: string | number } => ({
  id: index + 1,
  ...row,
  updated_at: momentOf(changedAt),
});
