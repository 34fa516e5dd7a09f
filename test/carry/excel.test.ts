import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { expect, test } from 'vitest';
import { confirmUpload } from '../../src/carry/confirm-upload.ts';
import { importReceipts } from '../../src/carry/receipts-import.ts';
import type { ExcelPlatformSpec } from '../../src/platform-spec.ts';
import { listLog } from '../../src/store/log.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { schemas } from '../support/hub.ts';
import { carryBench, licences } from './bench.ts';

const by = { actor: 'shell:test', reason: '平台网页导出' };

async function bench(url: string, change: Partial<ExcelPlatformSpec> = {}) {
  const folder = temporaryFolder();
  const one = await carryBench(url, { use: 'excel', folder, notes: ['表格说明：请勿改动表头。'], ...change });
  const files = () => readdirSync(folder).toSorted();
  return { ...one, folder, files };
}

/** What a spreadsheet program sees. */
async function sheet(path: string) {
  const book = new exceljs.Workbook();
  await book.xlsx.readFile(path);
  const [first] = book.worksheets;
  if (first === undefined) throw new Error('no sheet');
  const lines: string[][] = [];
  first.eachRow((row) => lines.push((row.values as (string | undefined)[]).slice(1).map((value) => value ?? '')));
  return { first, lines };
}

async function xlsx(rows: readonly (readonly string[])[]): Promise<Buffer> {
  const book = new exceljs.Workbook();
  const page = book.addWorksheet('校验结果');
  for (const row of rows) page.addRow([...row]);
  return Buffer.from(await book.xlsx.writeBuffer());
}

onBothDatabases('upload files for a person', ({ url }) => {
  test('the file has exactly the titles of the form, texts in text cells, and the notes at the bottom', async () => {
    const { take, push, files, folder } = await bench(await url());
    await take(...licences(1, 2), { ...licences(3, 3)[0], name: '=HYPERLINK("x") +测试_x0041_公司', person: '韦某' });
    const report = await push();
    expect(report.state).not.toBe('failed');
    const [name = ''] = files();
    expect(files()).toHaveLength(1);
    const { first, lines } = await sheet(join(folder, name));
    const titles = schemas.forms.get('credit-sharing/licence-2018')?.columns.map(({ title }) => title.zh);
    expect(lines[0]).toEqual(titles);
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)?.[0]).toBe('表格说明：请勿改动表头。');
    expect(lines.map(([party]) => party)).toContain('=HYPERLINK("x") +测试_x0041_公司');
    expect(first.getCell('A2').numFmt).toBe('@');
    expect(first.getCell('B4').type).toBe(exceljs.ValueType.String);
  });

  test('the batch waits until a person says that it was handed over; the run is not held up', async () => {
    const { hub, job, take, push, batches, files } = await bench(await url());
    await take(...licences(1, 25));
    await push();
    expect(files()).toHaveLength(3);
    expect((await batches()).map(({ state }) => state)).toEqual(['UNKNOWN', 'UNKNOWN', 'UNKNOWN']);
    await push();
    expect(files()).toHaveLength(3);
    const [name = ''] = files();
    const { id } = await confirmUpload(hub, job, { which: name, ...by });
    await push({ followUpOnly: true });
    const after = await batches();
    expect(after.filter(({ state }) => state === 'RECEIVED').map((batch) => batch.id)).toEqual([id]);
    expect((await listLog(hub.db, { batchId: id })).map(({ action, actor }) => `${action} ${actor}`)).toContain(
      'receipts.confirmed shell:test',
    );
  });

  test('a file that the person moved away is not written again', async () => {
    const { take, push, files, folder } = await bench(await url());
    await take(...licences(1, 3));
    await push();
    const [name = ''] = files();
    renameSync(join(folder, name), join(temporaryFolder(), name));
    await push();
    expect(files()).toEqual([]);
  });

  test('a file of that name with other content is a conflict', async () => {
    const { take, push, files, folder, batches, hub } = await bench(await url());
    await take(...licences(1, 3));
    await push();
    const [name = ''] = files();
    await hub.db('carried_packages').delete();
    writeFileSync(join(folder, name), 'not ours');
    await push();
    expect((await batches()).map(({ state }) => state)).toEqual(['HELD']);
    expect(readFileSync(join(folder, name), 'utf8')).toBe('not ours');
  });

  test('a missing folder is said so, and nothing counts as laid out', async () => {
    const { take, push, batches, job, hub } = await bench(await url(), { folder: '/nowhere/at/all' });
    await take(...licences(1, 3));
    const report = await push();
    expect(report.state).toBe('failed');
    expect((await batches())[0]?.reason).toContain('/nowhere/at/all');
    expect(await hub.db('carried_packages').whereNotNull('written_at')).toEqual([]);
    expect(job.platform.use).toBe('excel');
  });
});

onBothDatabases('a receipt that a person brings back', ({ url }) => {
  test('is matched by the columns of our own form and settles the batch; rejects go to their division', async () => {
    const { hub, job, take, push, files, folder, batches } = await bench(await url());
    await take(...licences(1, 12));
    await push();
    const rows: string[][] = [];
    for (const name of files()) {
      const { lines } = await sheet(join(folder, name));
      rows.push(...lines.slice(1, -1));
    }
    const [head = []] = (await sheet(join(folder, files()[0] ?? ''))).lines;
    const at = [head.indexOf('许可编号'), head.indexOf('行政相对人代码_1（统一社会信用代码）')];
    const results = rows.map((row, index) => [
      ...at.map((column) => row[column] ?? ''),
      index === 4 ? '失败' : '成功',
      index === 4 ? '名称与登记不符' : '',
    ]);
    const bytes = await xlsx([
      ['许可编号', '行政相对人代码_1（统一社会信用代码）', '校验结果', '失败原因'],
      ...results,
    ]);
    const imported = await importReceipts(hub, job, { name: '校验结果.xlsx', bytes, ...by });
    expect(imported.map(({ rows: count, level, repeated }) => [count, level, repeated])).toEqual([
      [10, 3, false],
      [2, 3, false],
    ]);
    await push({ followUpOnly: true });
    expect((await batches()).map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED']);
    const [ticket, ...more] = await listQuarantine(hub.db, { stage: 'platform' });
    expect(more).toEqual([]);
    expect(ticket?.faults[0]?.zh).toContain('名称与登记不符');
    expect(ticket?.division).toBe('印刷发行处');
  });

  test('brought twice it changes nothing; rows that fit nothing are told apart', async () => {
    const { hub, job, take, push, batches } = await bench(await url());
    await take(...licences(1, 3));
    await push();
    const [batch] = await batches();
    const keys: { idem_key: string }[] = await hub.db('deliveries').select('idem_key').orderBy('row_no');
    const lines = keys.map(({ idem_key: key }) => `${key},OK,`);
    const given = (text: string) => ({ name: 'r.csv', bytes: Buffer.from(text), ...by });
    const sound = given(['rowId,resultCode,resultMsg', ...lines].join('\n'));
    expect(await importReceipts(hub, job, sound)).toMatchObject([{ batchId: batch?.id, rows: 3, repeated: false }]);
    await push({ followUpOnly: true });
    expect((await batches())[0]?.state).toBe('SETTLED');
    expect(await importReceipts(hub, job, sound)).toMatchObject([{ batchId: batch?.id, rows: 3, repeated: true }]);
    const strange = given('rowId,resultCode,resultMsg\nnobody,OK,\n');
    expect(await importReceipts(hub, job, strange)).toMatchObject([{ batchId: null, rows: 1 }]);
    await push({ followUpOnly: true });
    expect((await batches())[0]?.state).toBe('SETTLED');
    expect(await hub.db('deliveries').distinct('state')).toEqual([{ state: 'accepted' }]);
  });

  test('that contradicts an earlier one is a conflict; rows of nobody are orphans', async () => {
    const { hub, job, take, push, batches } = await bench(await url());
    await take(...licences(1, 2));
    await push();
    const [batch] = await batches();
    const keys: { idem_key: string }[] = await hub.db('deliveries').select('idem_key').orderBy('row_no');
    const bring = async (name: string, lines: readonly string[]): Promise<void> => {
      const bytes = Buffer.from(['rowId,resultCode,resultMsg', ...lines].join('\n'));
      await importReceipts(hub, job, { name, bytes, ...by });
      await push({ followUpOnly: true });
    };
    const both = keys.map(({ idem_key: key }) => key);
    await bring('first.csv', [`${both[0]},OK,`, `${both[1]},OK,`]);
    await bring('second.csv', [`${both[0]},LATE,迟报`, `${both[1]},OK,`]);
    const states = await hub.db('deliveries').where({ batch_seq: batch?.seq }).orderBy('row_no').pluck('state');
    expect(states).toEqual(['conflict', 'accepted']);
    await bring('third.csv', ['nobody,OK,']);
    expect(await hub.db('orphan_receipts').pluck('cause')).toEqual(['no-batch']);
  });

  test('of the package check that refuses the whole file has it halved into new files', async () => {
    const { hub, job, take, push, batches, files } = await bench(await url());
    await take(...licences(1, 4));
    await push();
    const [batch] = await batches();
    const said = {
      packageId: batch?.id,
      receiptId: 'L2',
      level: 2,
      resultCode: 'FORMAT_ERROR',
      resultMsg: '第 3 行日期不对',
    };
    await importReceipts(hub, job, { name: 'l2.json', bytes: Buffer.from(JSON.stringify(said)), ...by });
    await push();
    expect((await batches()).map(({ state, members }) => `${state} ${members}`)).toEqual([
      'SPLIT 4',
      'UNKNOWN 2',
      'UNKNOWN 2',
    ]);
    expect(files()).toHaveLength(3);
  });

  test('by row numbers, for the batch whose file it was', async () => {
    const { hub, job, take, push, files, batches } = await bench(await url(), {
      receipt: { columns: { rowNo: '行号', code: '状态', message: '说明' }, accepted: ['1'], lists: 'failures' },
    });
    await take(...licences(1, 5));
    await push();
    const name = `${files()[0]?.replace(/\.xlsx$/, '')}.csv`;
    const bytes = Buffer.from('行号,状态,说明\n2,4,文书号重复\n');
    expect(await importReceipts(hub, job, { name, bytes, ...by })).toMatchObject([{ rows: 1, level: 3 }]);
    await push({ followUpOnly: true });
    expect((await batches())[0]?.state).toBe('SETTLED');
    const states: { row_no: number; state: string }[] = await hub
      .db('deliveries')
      .select('row_no', 'state')
      .orderBy('row_no');
    expect(states.map(({ state }) => state)).toEqual(['accepted', 'rejected', 'accepted', 'accepted', 'accepted']);
  });

  test('that lists failures and lists none accepts everything', async () => {
    const { hub, job, take, push, files, batches } = await bench(await url(), { receipt: { lists: 'failures' } });
    await take(...licences(1, 2));
    await push();
    const name = `${files()[0]?.replace(/\.xlsx$/, '')}.csv`;
    await importReceipts(hub, job, { name, bytes: Buffer.from('行号,校验结果,失败原因\n'), ...by });
    await push({ followUpOnly: true });
    expect((await batches())[0]?.state).toBe('SETTLED');
    expect(await hub.db('deliveries').distinct('state')).toEqual([{ state: 'accepted' }]);
  });

  test('that cannot be read imports nothing and says what to do', async () => {
    const { hub, job } = await bench(await url());
    for (const [name, text] of [
      ['r.csv', '编号,名称\n1,甲\n'],
      ['r.json', '{"results":[{"rowId":"a"'],
      ['r.xlsx', 'no workbook'],
      ['r.zip', 'PK no zip'],
    ] as const) {
      const given = { name, bytes: Buffer.from(text), ...by };
      await expect(importReceipts(hub, job, given)).rejects.toMatchObject({ code: 'RECEIPT_UNREADABLE' });
    }
    expect(await hub.db('carried_receipts')).toEqual([]);
  });
});
