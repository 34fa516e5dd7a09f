import type { Cell, TableLine } from './table.ts';
import { partText } from './xlsx-part.ts';
import type { ZipMember } from './zip.ts';

/** A merged area; lines and columns from 1. */
export interface Merge {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

const HEADER_LINES = 12;

/** Only merges near the top matter: below the header a merged cell means nothing reliable and stays as it is. */
export const headerMerges = (merges: readonly Merge[]): Merge[] => merges.filter((merge) => merge.top <= HEADER_LINES);

/** Merges stand behind the rows in the file, so they are looked for before the rows are read. */
export async function mergesIn(sheet: ZipMember): Promise<Merge[]> {
  const merges: Merge[] = [];
  let tail = '';
  for await (const text of partText(sheet)) {
    const piece = tail + text;
    if (piece.includes('<mergeCell ')) {
      for (const match of piece.matchAll(/<mergeCell [^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"/g))
        merges.push(mergeOf(match));
    }
    tail = piece.slice(Math.max(0, piece.lastIndexOf('<'))).slice(-200);
  }
  return merges;
}

const mergeOf = (match: RegExpExecArray): Merge => ({
  left: columnNumber(match[1] ?? ''),
  top: Number(match[2]),
  right: columnNumber(match[3] ?? ''),
  bottom: Number(match[4]),
});

/** A → 1, Z → 26, AA → 27. */
export function columnNumber(letters: string): number {
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column;
}

/**
 * Writes the text of a merged cell into all cells that it covers, so that a header over two lines reads as one.
 * `tops` remembers the texts of merges that reach further down.
 */
export function fillMerges(
  line: TableLine & { readonly line: number },
  merges: readonly Merge[],
  tops: Map<string, Cell>,
): TableLine {
  const here = merges.filter((merge) => merge.top <= line.line && line.line <= merge.bottom);
  if (here.length === 0) return line;
  const cells = [...line.cells];
  for (const merge of here) {
    const key = `${merge.top}:${merge.left}`;
    if (merge.top === line.line) tops.set(key, cells[merge.left - 1] ?? null);
    while (cells.length < merge.right) cells.push(null);
    for (let column = merge.left; column <= merge.right; column += 1) cells[column - 1] = tops.get(key) ?? null;
  }
  return { ...line, cells, headerBelow: Math.max(...here.map((merge) => merge.bottom)) - line.line };
}
