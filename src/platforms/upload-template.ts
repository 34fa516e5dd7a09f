import { readFile } from 'node:fs/promises';
import exceljs from 'exceljs';
import { HubError } from '../errors.ts';

/** What a platform's own template file says: where the header stands, its columns, and the words around it. */
export interface UploadTemplate {
  readonly sheet: string;
  /** Lines above the header. */
  readonly above: readonly (readonly string[])[];
  /** Titles exactly as they stand, empty ones at the end left out. */
  readonly titles: readonly string[];
  /** «表格说明» and the like, from below the header. */
  readonly notes: readonly string[];
}

const NOTES = /^[«《【[（(]?(?:表格说明|填表说明|填写说明|填报说明|填表须知|说明|备注|注)[»》】\])）]?(?:[:：、\s]|$)/;

/** Reads the first sheet of the template, of `bytes` where they are to stand for the file; its header is the first of ten lines in which most of `known` stand. */
export async function readTemplate(path: string, known: ReadonlySet<string>, bytes?: Buffer): Promise<UploadTemplate> {
  const lines = await linesOf(path, bytes);
  const counts = lines.rows.slice(0, 10).map((row) => row.filter((title) => known.has(title)).length);
  const most = Math.max(0, ...counts);
  const at = counts.indexOf(most);
  if (most < 2) throw wrongTemplate(path, '前十行中找不到表头 (no header among its first ten lines)');
  const titles = (lines.rows[at] ?? []).filter((_, index, row) => row.slice(index).some((title) => title !== ''));
  const notes = lines.rows.slice(at + 1).flatMap(([first = '']) => (NOTES.test(first) ? [first] : []));
  return { sheet: lines.sheet, above: lines.rows.slice(0, at), titles, notes };
}

async function linesOf(
  path: string,
  bytes?: Buffer,
): Promise<{ readonly sheet: string; readonly rows: readonly (readonly string[])[] }> {
  const book = new exceljs.Workbook();
  try {
    await book.xlsx.load((bytes ?? (await readFile(path))) as unknown as Parameters<typeof book.xlsx.load>[0]);
  } catch {
    throw wrongTemplate(path, '读不到或不是 .xlsx (cannot be read, or is no .xlsx)');
  }
  const [sheet] = book.worksheets;
  if (sheet === undefined) throw wrongTemplate(path, '没有工作表 (it has no sheet)');
  const rows: string[][] = [];
  sheet.eachRow({ includeEmpty: true }, (row) => {
    const cells: string[] = [];
    row.eachCell({ includeEmpty: true }, (cell) => cells.push(cell.text.trim()));
    rows.push(cells);
  });
  return { sheet: sheet.name, rows };
}

export const wrongTemplate = (path: string, why: string): HubError =>
  new HubError('PLATFORM_WRONG', `上传模板 ${path}：${why} (the upload template)`, {
    remedy: 'give-up',
    fix: '请从平台重新下载模板，或在作业的 titles 写明各列的标题；什么都没有封装 (download it again, or name its titles under `titles`; nothing was sealed)',
  });
