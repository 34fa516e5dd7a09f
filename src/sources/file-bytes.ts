import type { Readable } from 'node:stream';
import type { FilesSourceSpec } from '../source.ts';
import { FileDamage } from './file-damage.ts';
import type { RowRead } from './row-read.ts';
import type { TextEncoding } from './text-encoding.ts';
import type { Zip } from './zip.ts';

export type FileFormat = NonNullable<FilesSourceSpec['format']>;

/** The bytes of a dropped file, or of one member of a zip; may be read as often as needed. */
export interface FileBytes {
  /** Name with its ending, for format and messages. */
  readonly name: string;
  readonly size: number;
  stream(): Promise<Readable>;
  /** The same bytes seen as a zip archive (XLSX is one). */
  zip(): Promise<Zip>;
}

export interface ReadHow {
  readonly encoding: TextEncoding;
  readonly items: string | undefined;
  readonly sheet: string | undefined;
}

/** Reads rows in batches, in order; throws FileDamage when the file as a whole cannot be trusted. */
export type FileReader = (file: FileBytes, how: ReadHow) => AsyncIterable<readonly RowRead[]>;

/** The text of a file without BOM; one byte that does not fit refuses the file. */
export async function* textChunks(file: FileBytes, encoding: TextEncoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of await file.stream()) yield decoder.decode(chunk as Uint8Array, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new FileDamage(`不是有效的 ${encoding} 文本 (not valid ${encoding})`);
    throw error;
  }
}

export async function allBytes(file: FileBytes, limit: number): Promise<Buffer> {
  if (file.size > limit) throw new FileDamage(`超过 ${limit >> 20} MiB (larger than ${limit >> 20} MiB)`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await file.stream()) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
