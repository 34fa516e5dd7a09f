import { zipBytes } from './zip-bytes.ts';

/** A workbook with one sheet of texts, built so that the same rows are the same bytes for ever. */
export interface Sheet {
  readonly name: string;
  /** Lines above the header, default none. */
  readonly above?: readonly (readonly string[])[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines under the table, each in its first cell. */
  readonly notes: readonly string[];
}

/**
 * SpreadsheetML (ECMA-376) with every cell in text format (number format 49, `@`): no number, date or formula is ever made of a
 * text, and nothing is escaped – machines of the platform read this file.
 */
export function xlsxBytes(sheet: Sheet): Buffer {
  const lines = [...(sheet.above ?? []), sheet.head, ...sheet.rows, ...sheet.notes.map((note) => [note])];
  const texts = [...new Set(lines.flat().filter((text) => text !== ''))];
  const places = new Map(texts.map((text, index) => [text, index]));
  const parts = [
    ['[Content_Types].xml', CONTENT_TYPES],
    ['_rels/.rels', ROOT_RELATIONS],
    ['xl/workbook.xml', workbook(sheet.name)],
    ['xl/_rels/workbook.xml.rels', WORKBOOK_RELATIONS],
    ['xl/styles.xml', STYLES],
    ['xl/sharedStrings.xml', sharedStrings(texts)],
    ['xl/worksheets/sheet1.xml', worksheet(lines, places, sheet.head.length)],
  ] as const;
  return zipBytes(parts.map(([name, text]) => ({ name, bytes: Buffer.from(`${DECLARATION}${text}`) })));
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const SPREADSHEET = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

const CONTENT_TYPES = `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${SPREADSHEET}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${SPREADSHEET}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${SPREADSHEET}.styles+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="${SPREADSHEET}.sharedStrings+xml"/></Types>`;
const ROOT_RELATIONS = `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`;
const WORKBOOK_RELATIONS = `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/><Relationship Id="rId3" Type="${OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`;
const STYLES = `<styleSheet xmlns="${MAIN}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>`;

const workbook = (name: string): string =>
  `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets><sheet name="${escaped(name.replace(/[[\]:*?/\\]/g, '').slice(0, 31) || 'Sheet1')}" sheetId="1" r:id="rId1"/></sheets></workbook>`;

const sharedStrings = (texts: readonly string[]): string =>
  `<sst xmlns="${MAIN}" uniqueCount="${texts.length}">${texts.map((text) => `<si><t xml:space="preserve">${escaped(text)}</t></si>`).join('')}</sst>`;

function worksheet(lines: readonly (readonly string[])[], places: ReadonlyMap<string, number>, width: number): string {
  const rows = lines.map((cells, at) => {
    const written = cells.map((text, column) => cell(`${columnName(column)}${at + 1}`, places.get(text)));
    return `<row r="${at + 1}">${written.join('')}</row>`;
  });
  return `<worksheet xmlns="${MAIN}"><cols><col min="1" max="${Math.max(1, width)}" width="20" style="1" customWidth="1"/></cols><sheetData>${rows.join('')}</sheetData></worksheet>`;
}

const cell = (place: string, text: number | undefined): string =>
  text === undefined ? `<c r="${place}" s="1"/>` : `<c r="${place}" s="1" t="s"><v>${text}</v></c>`;

/** 0 → A, 26 → AA. */
function columnName(column: number): string {
  const letter = String.fromCharCode(65 + (column % 26));
  return column < 26 ? letter : `${columnName(Math.floor(column / 26) - 1)}${letter}`;
}

/** XML text; what XML cannot carry, and what looks like Excel's own escape, is written as that escape (`_x0001_`). */
const escaped = (text: string): string =>
  text
    .replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replace(UNWRITABLE, (char) => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`)
    .replace(/[<>&"]/g, (char) => ESCAPES[char] ?? char);

const ESCAPES: { readonly [char: string]: string } = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that XML forbids or changes
const UNWRITABLE = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g;
