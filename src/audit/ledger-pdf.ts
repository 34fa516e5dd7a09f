import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';
import PDFDocument from 'pdfkit';
import type { LedgerPrinter, PrintedHead, PrintedRow } from './printed-row.ts';

/** A whole TTF out of a package: a server has no Chinese fonts, and pdfkit draws WOFF2 blank. */
const FONT = '@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf';

const MARGIN = 30;
const [WIDTH, HEIGHT] = [841.89, 595.28];
const LINE = 11;
const SIZE = 6.8;

const COLUMNS: readonly (readonly [string, number, (row: PrintedRow, count: number) => string])[] = [
  ['序号 #', 28, (_, count) => String(count)],
  ['平台 platform', 72, ({ platform }) => platform],
  ['编号 number', 112, ({ number }) => number],
  ['名称 name', 120, ({ name }) => name],
  ['信用代码 credit code', 78, ({ creditCode }) => creditCode],
  ['版 v', 18, ({ version }) => String(version)],
  ['操作 op', 32, ({ operation }) => operation],
  ['结果 state', 62, ({ state }) => state],
  ['发出 sent', 70, ({ sentAt }) => sentAt],
  ['回执 receipt', 110, ({ receiptId }) => receiptId],
  ['批次·行 batch·row', 80, ({ batch }) => batch],
];
/** Lines that one cell may take; what is longer is cut. */
const MOST_LINES = 4;

/** What of pdfkit's current font has no public name. */
interface CurrentFont {
  readonly font: { hasGlyphForCodePoint(codePoint: number): boolean };
  layoutRun(text: string): Layout;
  layoutCached(text: string): Layout;
}

interface Layout {
  readonly glyphs: readonly unknown[];
  readonly positions: readonly unknown[];
  readonly advanceWidth: number;
}

/**
 * Letter by letter, each laid out once: Chinese has neither kerning nor ligatures, and numbers that never come twice would
 * otherwise be laid out as a whole and remembered for ever.
 */
function layOutByLetter(font: CurrentFont): void {
  const letters = new Map<string, Layout>();
  const layoutOf = (letter: string): Layout => {
    const known = letters.get(letter) ?? font.layoutRun(letter);
    letters.set(letter, known);
    return known;
  };
  font.layoutCached = (text) => {
    const runs = Array.from(text, layoutOf);
    return {
      glyphs: runs.flatMap(({ glyphs }) => glyphs),
      positions: runs.flatMap(({ positions }) => positions),
      advanceWidth: runs.reduce((width, run) => width + run.advanceWidth, 0),
    };
  };
}

/** The printable 报送台账: A4 landscape, every page with scope, tree head and who took it out. */
export function openLedgerPdf(file: string, head: PrintedHead): LedgerPrinter {
  const document = new PDFDocument({
    size: 'A4',
    layout: 'landscape',
    margin: MARGIN,
    autoFirstPage: false,
    info: { Title: head.title, CreationDate: head.instant, ModDate: head.instant },
  });
  const written = pipeline(document, createWriteStream(file, { mode: 0o600 }));
  written.catch(() => {});
  document.font(createRequire(import.meta.url).resolve(FONT));
  const font = (document as unknown as { readonly _font: CurrentFont })._font;
  layOutByLetter(font);
  const page = { number: 0, y: HEIGHT };
  let count = 0;
  const write: Write = (text, x, y, width = Number.POSITIVE_INFINITY) =>
    void document.text(fitted(shown(text, font), width), x, y, { lineBreak: false });
  const turn = (): void => {
    document.addPage();
    forgetPages(document);
    page.number += 1;
    page.y = drawHead(document, head, page.number, write);
  };
  turn();
  return {
    add: async (row) => {
      const cells = COLUMNS.map(([, width, text]) => linesOf(shown(text(row, count + 1), font), width - 4));
      const answer = row.verdict === '' || row.verdict === 'OK' ? [] : [`答复 verdict: ${row.verdict}`];
      const height = (Math.max(...cells.map(({ length }) => length)) + answer.length) * LINE;
      if (page.y > HEIGHT - MARGIN - height) {
        turn();
        await drained(document);
      }
      count += 1;
      let x = MARGIN;
      for (const [index, lines] of cells.entries()) {
        for (const [line, text] of lines.entries()) write(text, x, page.y + line * LINE);
        x += COLUMNS[index]?.[1] ?? 0;
      }
      for (const text of answer) write(text, NUMBER_X, page.y + height - LINE, WIDTH - MARGIN - NUMBER_X);
      page.y += height;
    },
    end: async () => {
      if (page.y > HEIGHT - MARGIN - 2 * LINE) turn();
      write(`共 ${count} 条 (${count} lines)`, MARGIN, page.y + 4);
      document.end();
      await written;
    },
  };
}

/** What of pdfkit's list of pages has no public name. */
interface PageList {
  readonly _root: { readonly data: { readonly Pages: { readonly data: { readonly Kids: PageReference[] } } } };
}

interface PageReference {
  readonly id: number;
  readonly gen: number;
}

/** pdfkit keeps every page to the end, though only its number is needed then: of those before the last, the number is what stays. */
function forgetPages(document: PDFKit.PDFDocument): void {
  const pages = (document as unknown as PageList)._root.data.Pages.data.Kids;
  const written = pages.at(-2);
  if (written === undefined) return;
  const { id, gen } = written;
  pages[pages.length - 2] = Object.assign(Object.create(Object.getPrototypeOf(written)), { id, gen });
}

/** What the platform said to a record stands below its number. */
const NUMBER_X = MARGIN + 100;

/** Draws one line of text, cut to a width. */
type Write = (text: string, x: number, y: number, width?: number) => void;

/** Lets what was drawn flow to the disk before more is drawn. */
const drained = (document: PDFKit.PDFDocument): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => void (document.readableLength === 0 ? resolve() : setImmediate(look));
    setImmediate(look);
  });

function drawHead(document: PDFKit.PDFDocument, head: PrintedHead, page: number, write: Write): number {
  document.fontSize(12);
  write(`${head.title}  ${head.scope}`, MARGIN, MARGIN - 8);
  document.fontSize(SIZE);
  write(`日志 log ${head.origin} · 条目 size ${head.size} · 根 root ${head.root}`, MARGIN, MARGIN + 10);
  write(`导出 exported by ${head.takenBy} ${head.takenAt} · 第 ${page} 页 (page ${page})`, MARGIN, MARGIN + 20);
  const y = MARGIN + 34;
  let x = MARGIN;
  for (const [title, width] of COLUMNS) {
    write(title, x, y, width - 2);
    x += width;
  }
  document
    .moveTo(MARGIN, y + LINE)
    .lineTo(WIDTH - MARGIN, y + LINE)
    .lineWidth(0.5)
    .stroke();
  return y + LINE + 3;
}

/** A letter that the font lacks is written as its number: never a blank box, never nothing. Control characters go. */
function shown(text: string, font: CurrentFont): string {
  if (PLAIN.test(text)) return text;
  return Array.from(text, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(letter)) return ' ';
    return font.font.hasGlyphForCodePoint(code) ? letter : `[U+${code.toString(16).toUpperCase()}]`;
  }).join('');
}

const PLAIN = /^[ -~]*$/;

/** Cut to a column, with an ellipsis; the XLSX beside it holds the whole text. */
function fitted(text: string, width: number): string {
  const end = endOfLine(text, width);
  return end === text.length ? text : `${text.slice(0, Math.max(0, end - 1))}…`;
}

/** A cell on several lines; of the last one that there is room for, the rest is cut. */
function linesOf(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== '' && lines.length < MOST_LINES; ) {
    const end = lines.length === MOST_LINES - 1 ? rest.length : endOfLine(rest, width);
    lines.push(fitted(rest.slice(0, Math.max(1, end)), width));
    rest = rest.slice(Math.max(1, end));
  }
  return lines.length === 0 ? [''] : lines;
}

/** How many characters of it a line holds. */
function endOfLine(text: string, width: number): number {
  let used = 0;
  let end = 0;
  for (const letter of text) {
    used += (letter.codePointAt(0) ?? 0) < 0x2000 ? SIZE * 0.57 : SIZE;
    if (used > width) return end;
    end += letter.length;
  }
  return end;
}
