import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { describe, expect, test } from 'vitest';
import type { ExcelPlatformSpec } from '../../src/platform-spec.ts';
import { wireFormOf } from '../../src/platforms/index.ts';
import { temporaryFolder } from '../support/databases.ts';
import { schemas } from '../support/hub.ts';
import { licence, sealedBatch } from '../support/outgoing-batch.ts';

const form = schemas.forms.get('credit-sharing/licence-2018');
const titles = (form?.columns ?? []).map(({ title }) => title.zh);

async function template(rows: readonly (readonly string[])[]): Promise<string> {
  const book = new exceljs.Workbook();
  const page = book.addWorksheet('行政许可');
  for (const row of rows) page.addRow([...row]);
  const path = join(temporaryFolder(), 'template.xlsx');
  writeFileSync(path, Buffer.from(await book.xlsx.writeBuffer()));
  return path;
}

async function filled(change: Partial<ExcelPlatformSpec>, op: 'U' | 'D' = 'U') {
  const spec: ExcelPlatformSpec = { use: 'excel', folder: '/nowhere', ...change };
  const batch = await sealedBatch({ wire: wireFormOf(spec, schemas.forms.values()), op });
  const book = new exceljs.Workbook();
  await book.xlsx.load(Buffer.from(batch.body) as unknown as Parameters<typeof book.xlsx.load>[0]);
  const [page] = book.worksheets;
  const lines: string[][] = [];
  page?.eachRow((row) => lines.push(Array.from(row.values as (string | undefined)[], (cell) => cell ?? '').slice(1)));
  return { batch, sheet: page?.name, lines };
}

test('the same batch is the same bytes for ever', async () => {
  const [one, two] = [await filled({}), await filled({})];
  expect(Buffer.from(one.batch.body).equals(two.batch.body)).toBe(true);
  expect(one.lines[1]?.[0]).toBe(licence(0)['XK_XDR_MC']);
});

test('withdrawals are said at the bottom, or stand in the column that the template left for them', async () => {
  expect((await filled({}, 'D')).lines.at(-1)?.[0]).toBe('说明：第 2、3、4 行为撤回，请在平台上撤下这些记录');
  const slotted = await filled({ slots: { op: '操作' } }, 'D');
  expect(slotted.lines.map((line) => line[titles.length])).toEqual(['操作', 'D', 'D', 'D']);
});

describe('the platform’s own template', () => {
  test('keeps its title lines, its order of columns, its notes and the name of its sheet', async () => {
    const order = titles.toReversed();
    const rows = [['行政许可信息上传表'], order, [], ['表格说明：日期写成 2026/11/27。'], ['示例']];
    const { lines, sheet } = await filled({ template: await template(rows) });
    expect(sheet).toBe('行政许可');
    expect(lines[0]?.[0]).toBe('行政许可信息上传表');
    expect(lines[1]).toEqual(order);
    expect(lines[2]?.[order.indexOf('行政相对人名称')]).toBe(licence(0)['XK_XDR_MC']);
    expect(lines.at(-1)?.[0]).toBe('表格说明：日期写成 2026/11/27。');
    expect(lines).toHaveLength(6);
  });

  test('as it was approved stands for what lies at its path now', async () => {
    const [approved, now] = [await template([titles.toReversed()]), await template([['旧表', '别的列']])];
    const spec = { use: 'excel', folder: '/nowhere', template: now } as const;
    const files = new Map([[now, readFileSync(approved)]]);
    const { body } = await sealedBatch({ wire: wireFormOf(spec, schemas.forms.values(), files) });
    const book = new exceljs.Workbook();
    await book.xlsx.load(Buffer.from(body) as unknown as Parameters<typeof book.xlsx.load>[0]);
    expect(book.worksheets[0]?.getCell('A1').text).toBe(titles.at(-1));
  });

  test('with other titles takes them by name', async () => {
    const renamed = titles.map((title) => (title === '备注' ? '备注说明' : title));
    const path = await template([renamed]);
    await expect(filled({ template: path })).rejects.toMatchObject({ code: 'PLATFORM_WRONG' });
    expect((await filled({ template: path, titles: { BZ: '备注说明' } })).lines[0]).toEqual(renamed);
  });

  test.each([
    ['a column that our form does not know', [[...titles, '新栏目']], '表头多出 新栏目'],
    ['a column of ours left out', [titles.slice(1)], '缺少 行政相对人名称'],
    ['no header at all', [['请填写'], ['甲', '乙']], '找不到表头'],
  ])('%s: nothing is made of it', async (_, rows, said) => {
    await expect(filled({ template: await template(rows) })).rejects.toThrow(said);
  });

  test('that is no workbook is said so', async () => {
    const path = join(temporaryFolder(), 'template.xlsx');
    writeFileSync(path, 'no workbook');
    await expect(filled({ template: path })).rejects.toMatchObject({ code: 'PLATFORM_WRONG' });
  });
});
