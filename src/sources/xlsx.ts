import type { FileBytes, ReadHow } from './file-bytes.ts';
import { FileDamage } from './file-damage.ts';
import type { RowRead } from './row-read.ts';
import { type TableLine, tableRows } from './table.ts';
import { fillMerges, headerMerges, type Merge, mergesIn } from './xlsx-merge.ts';
import { partText, saxParser, unescapeText } from './xlsx-part.ts';
import { sheetLines } from './xlsx-sheet.ts';
import type { Zip, ZipMember } from './zip.ts';

/**
 * The first visible sheet (or the one named) of a workbook, streamed: texts stay texts, date cells arrive as their
 * serial numbers. Read with saxes, not exceljs, whose stream turns numbers into floats, needs temporary files,
 * knows no merged cells and takes a DOCTYPE. Macro workbooks are refused (faults.md S29, S31).
 */
export async function* readXlsx(file: FileBytes, how: ReadHow): AsyncGenerator<readonly RowRead[]> {
  const zip = await file.zip();
  if (zip.members.some((member) => /vbaProject|\.bin$/i.test(member.name) && /vba|macro/i.test(member.name)))
    throw new FileDamage('含宏的工作簿不予接收,请另存为 .xlsx (a workbook with macros is not taken: save as .xlsx)');
  const sheet = await sheetMember(zip, how.sheet);
  const strings = await sharedStrings(zip);
  const merges = headerMerges(await mergesIn(sheet));
  yield* tableRows(mergedLines(sheetLines(sheet, strings), merges), { strictWidth: false });
}

async function* mergedLines(
  batches: AsyncIterable<readonly (TableLine & { readonly line: number })[]>,
  merges: readonly Merge[],
): AsyncGenerator<readonly TableLine[]> {
  const tops = new Map<string, TableLine['cells'][number]>();
  for await (const batch of batches) yield batch.map((line) => fillMerges(line, merges, tops));
}

const member = (zip: Zip, name: string): ZipMember => {
  const found = zip.members.find((entry) => entry.name.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw new FileDamage(`不是 XLSX 工作簿 (no ${name}: not an XLSX workbook)`);
  return found;
};

interface SheetHead {
  readonly name: string;
  readonly relation: string;
  readonly visible: boolean;
}

async function sheetMember(zip: Zip, wanted: string | undefined): Promise<ZipMember> {
  const sheets = await sheetHeads(zip);
  const sheet = sheets.find((head) => (wanted === undefined ? head.visible : head.name === wanted));
  if (sheet === undefined)
    throw new FileDamage(
      wanted === undefined ? '没有可见的工作表 (no visible sheet)' : `没有工作表“${wanted}” (no such sheet)`,
    );
  let target: string | undefined;
  await eachTag(member(zip, 'xl/_rels/workbook.xml.rels'), (name, attributes) => {
    if (name === 'Relationship' && attributes['Id'] === sheet.relation) target = attributes['Target'];
  });
  if (target === undefined) throw new FileDamage('工作簿目录损坏 (broken workbook relations)');
  return member(zip, target.startsWith('/') ? target.slice(1) : `xl/${target}`);
}

async function sheetHeads(zip: Zip): Promise<SheetHead[]> {
  const sheets: SheetHead[] = [];
  await eachTag(member(zip, 'xl/workbook.xml'), (name, attributes) => {
    if (name === 'sheet')
      sheets.push({
        name: attributes['name'] ?? '',
        relation: attributes['r:id'] ?? '',
        visible: (attributes['state'] ?? 'visible') === 'visible',
      });
    if (name === 'workbookPr' && /^(1|true)$/.test(attributes['date1904'] ?? ''))
      throw new FileDamage(
        '工作簿使用 1904 日期系统,请改为 1900 后另存 (1904 date system: switch to 1900 and save again)',
      );
  });
  return sheets;
}

async function eachTag(
  part: ZipMember,
  visit: (name: string, attributes: { readonly [name: string]: string }) => void,
): Promise<void> {
  const parser = saxParser();
  parser.on('opentag', (tag) => visit(tag.name.replace(/^\w+:/, ''), tag.attributes));
  for await (const text of partText(part)) parser.write(text);
  parser.close();
}

const MAX_STRINGS = 128 * 1_048_576;

/** Every distinct text of the workbook once; the only part that must stay in memory, hence bounded. */
async function sharedStrings(zip: Zip): Promise<readonly string[]> {
  const part = zip.members.find((entry) => entry.name.toLowerCase() === 'xl/sharedstrings.xml');
  if (part === undefined) return [];
  if (part.size > MAX_STRINGS) throw new FileDamage('工作簿文本超过 128 MiB (more than 128 MiB of texts)');
  const strings: string[] = [];
  const parser = saxParser();
  let [text, inText, inPhonetic] = ['', false, false];
  parser.on('opentag', ({ name }) => {
    if (name === 'si') text = '';
    if (name === 'rPh') inPhonetic = true;
    inText = name === 't';
  });
  parser.on('text', (piece) => {
    if (inText && !inPhonetic) text += piece;
  });
  parser.on('closetag', ({ name }) => {
    inText = false;
    if (name === 'rPh') inPhonetic = false;
    if (name === 'si') strings.push(unescapeText(text));
  });
  for await (const piece of partText(part)) parser.write(piece);
  parser.close();
  return strings;
}
