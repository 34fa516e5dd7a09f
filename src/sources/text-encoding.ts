import { isAscii, isUtf8 } from 'node:buffer';

/** Encodings that bureaus use; everything Chinese but UTF-8 is read as its superset GB18030. */
export type TextEncoding = 'utf-8' | 'gb18030';

/** The encoding a name means; undefined for any that is not taken (UTF-16, UTF-7, Big5 …). */
export function encodingNamed(name: string): TextEncoding | undefined {
  const plain = name.toLowerCase().replaceAll('_', '-');
  if (plain === 'utf-8' || plain === 'utf8' || plain === 'us-ascii' || plain === 'ascii') return 'utf-8';
  return plain === 'gb18030' || plain === 'gbk' || plain === 'gb2312' || plain === 'cp936' ? 'gb18030' : undefined;
}

/** Text without BOM; undefined if even one byte does not fit (no U+FFFD is ever made, faults.md F37). */
export function decodeStrict(bytes: Uint8Array, name: string): string | undefined {
  const encoding = encodingNamed(name);
  if (encoding === undefined) return undefined;
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What an XML declaration says of itself. */
export function declaredEncoding(bytes: Uint8Array, otherwise: string): string {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  return /^(?:\xef\xbb\xbf)?<\?xml[^>]*\sencoding\s*=\s*["']([\w-]+)["']/.exec(start)?.[1] ?? otherwise;
}

/** What a whole file is written in, told chunk by chunk; every chunk is looked at once. */
export interface EncodingGuess {
  push(chunk: Uint8Array): void;
  /** The encoding, or why the bytes are no text that can be trusted. */
  end(): TextEncoding | { readonly damage: string };
}

/**
 * UTF-8 when every byte fits, else GB18030 — but a UTF-8 text with a few broken bytes (cut off, or mixed) must not
 * pass as GB18030 mojibake: where most lines with Chinese are sound UTF-8, the file is refused.
 */
export function guessEncoding(): EncodingGuess {
  let rest = Buffer.alloc(0);
  const lines = { utf8: 0, other: 0 };
  const take = (line: Buffer): void => {
    if (isAscii(line)) return;
    if (isUtf8(line)) lines.utf8 += 1;
    else lines.other += 1;
  };
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      const last = bytes.lastIndexOf(0x0a);
      const whole = bytes.subarray(0, last + 1);
      if (isUtf8(whole)) lines.utf8 += isAscii(whole) ? 0 : 1;
      else for (const line of splitLines(whole)) take(line);
      rest = bytes.subarray(last + 1);
    },
    end() {
      take(rest);
      if (lines.other === 0) return 'utf-8';
      if (lines.utf8 > lines.other)
        return { damage: '部分字节不是 UTF-8,文件可能被截断或混用编码 (broken UTF-8: cut off or mixed)' };
      return 'gb18030';
    },
  };
}

function* splitLines(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from) + 1 || bytes.length;
    yield bytes.subarray(from, end);
    from = end;
  }
}
