import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { sha256 } from '../../src/canonical.ts';
import type { JsonObject } from '../../src/json.ts';
import type { ExcelPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { addReceipt } from '../../src/store/carried-receipts.ts';
import { packBody } from '../../src/store/outbox.ts';
import { openTestDatabase, temporaryFolder } from '../support/databases.ts';
import type { FarEnd } from './contract.ts';
import { type FarRow, farStore } from './far-store.ts';

/** A platform's upload page with the person in front of it: takes files from the folder, uploads them, brings receipts back. */
export async function excelFarEnd(
  change: Partial<ExcelPlatformSpec> = {},
): Promise<FarEnd & { readonly folder: string }> {
  const folder = temporaryFolder();
  const uploaded = temporaryFolder();
  const db = await openTestDatabase(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
  const store = farStore();
  const spec: ExcelPlatformSpec = { use: 'excel', folder, slots: { rowId: '数据标识', op: '操作' }, ...change };
  return {
    folder,
    spec,
    open: () => openPlatform(spec, { name: 'uploads', allowedHosts: [], now: () => new Date(), db }),
    loseAnswer: () => {},
    loseBatch: () => {},
    reject: store.reject,
    work: async () => {
      for (const name of readdirSync(folder).filter((one) => one.endsWith('.xlsx'))) await upload(name);
    },
    held: store.held,
  };

  async function upload(name: string): Promise<void> {
    const rows = await rowsOf(join(folder, name));
    const bytes = readFileSync(join(folder, name));
    const id = await batchOf(name);
    store.take(id, bytes, rows);
    renameSync(join(folder, name), join(uploaded, name));
    const found = store.find(id)?.results ?? [];
    const results = found.map(({ rowId, code, reason }) => ({ rowId, resultCode: code, resultMsg: reason }));
    const body = Buffer.from(JSON.stringify({ packageId: id, receiptId: name, receivedCount: rows.length, results }));
    const one = { lane: 'uploads', batchId: id, receiptId: name, level: 3, digest: sha256(body), original: null };
    const packed = await packBody(body);
    const by = { file: name, actor: 'shell:test', reason: 'uploaded' };
    await db.transaction((tx) => addReceipt(tx, { ...one, ...by, body: packed }, new Date()));
  }

  async function batchOf(name: string): Promise<string> {
    const row = await db('carried_packages').select('batch_id').where({ name }).first();
    return row?.batch_id ?? '';
  }
}

async function rowsOf(path: string): Promise<FarRow[]> {
  const book = new exceljs.Workbook();
  await book.xlsx.readFile(path);
  const lines: string[][] = [];
  book.worksheets[0]?.eachRow((row) => {
    const cells = row.values as (string | undefined)[];
    lines.push(Array.from(cells, (cell) => cell ?? '').slice(1));
  });
  const [head = [], ...rest] = lines;
  return rest.map((cells) => {
    const row: { [column: string]: string } = {};
    for (const [index, column] of head.entries()) row[column] = cells[index] ?? '';
    const { 数据标识: rowId = '', 操作: op, ...data } = row;
    return { rowId, op: op === 'D' ? 'D' : 'U', data: data as JsonObject };
  });
}
