import { SaxesParser } from 'saxes';
import { FileDamage } from './file-damage.ts';
import type { ZipMember } from './zip.ts';

/** An XML parser for the parts of a workbook: broken XML and any DOCTYPE refuse the file. */
export function saxParser(): SaxesParser {
  const parser = new SaxesParser({ position: false });
  parser.on('error', (error) => {
    throw new FileDamage(`工作簿内容损坏 (broken workbook: ${error.message.slice(0, 80)})`);
  });
  parser.on('doctype', () => {
    throw new FileDamage('工作簿含 DOCTYPE,不予接收 (a DOCTYPE is not taken)');
  });
  return parser;
}

/** The text of one part, UTF-8 or refused. */
export async function* partText(part: ZipMember): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of await part.stream()) yield decoder.decode(chunk as Uint8Array, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new FileDamage('工作簿不是 UTF-8 (the workbook is not UTF-8)');
    throw error;
  }
}

/** ECMA-376 §22.9.2.19: `_x000D_` stands for the character U+000D. */
export const unescapeText = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
