import { readJsonPage, readJsonRow } from '../wire/json-bytes.ts';
import { MAX_ROW_BYTES } from '../wire/row-fault.ts';
import { allBytes, type FileBytes, type ReadHow, textChunks } from './file-bytes.ts';
import { FileDamage } from './file-damage.ts';
import type { RowRead } from './row-read.ts';
import { XmlDamage, xmlReader } from './xml.ts';

/** One JSON object per line (NDJSON); a broken line is a fault of that line, a broken last line a cut-off file. */
export async function* readNdjson(file: FileBytes, how: ReadHow): AsyncGenerator<readonly RowRead[]> {
  let rest = '';
  for await (const chunk of textChunks(file, how.encoding)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > 64 * MAX_ROW_BYTES) throw new FileDamage('一行超过 64 MiB (a line is longer than 64 MiB)');
    yield lines.filter((line) => line.trim() !== '').map(lineRow);
  }
  if (rest.trim() === '') return;
  const last = lineRow(rest);
  if (last.faults.some((fault) => fault.code === 'ROW_SYNTAX_WRONG'))
    throw new FileDamage('最后一行不完整 (the last line is cut off)');
  yield [last];
}

const lineRow = (line: string): RowRead => readJsonRow(Buffer.from(line.trim(), 'utf8'));

const MAX_JSON_FILE = 256 * 1_048_576;

/** A whole JSON document; larger exports should come as NDJSON. */
export async function* readJson(file: FileBytes, how: ReadHow): AsyncGenerator<readonly RowRead[]> {
  const bytes = await allBytes(file, MAX_JSON_FILE);
  const text =
    how.encoding === 'utf-8'
      ? bytes
      : Buffer.from(new TextDecoder(how.encoding, { fatal: true }).decode(bytes), 'utf8');
  const page = readJsonPage(text, how.items);
  if (!('rows' in page)) throw new FileDamage(`${page.zh} (${page.en})`);
  yield page.rows;
}

export async function* readXml(file: FileBytes, how: ReadHow): AsyncGenerator<readonly RowRead[]> {
  try {
    const reader = xmlReader(how.items);
    for await (const text of textChunks(file, how.encoding)) yield reader.write(text);
    if (!reader.end().sawRows) throw new FileDamage(`没有 ${how.items ?? ''} 元素 (no such element)`);
  } catch (error) {
    if (error instanceof XmlDamage) throw new FileDamage(error.message);
    throw error;
  }
}
