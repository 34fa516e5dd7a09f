import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonPage, readJsonRow } from '../../src/wire/json-bytes.ts';

const page = (text: string | Uint8Array, items?: string) => {
  const read = readJsonPage(typeof text === 'string' ? Buffer.from(text) : text, items);
  if (!('rows' in read)) return { damage: read.damage };
  return read.rows.map((row) => (row.faults.length === 0 ? row.fields : row.faults.map((fault) => fault.code).join()));
};

describe('a page of JSON', () => {
  it('means what JSON.parse means, for any rows without odd numbers', () => {
    const rows = fc.array(
      fc.dictionary(
        fc.string().filter((key) => !['__proto__', 'constructor', 'prototype'].includes(key)),
        fc.jsonValue({ maxDepth: 4 }),
      ),
    );
    fc.assert(
      fc.property(rows, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(
          value,
          (_, item: unknown) => (typeof item === 'number' ? Math.trunc(item) % 1e15 || 0 : item),
          indent,
        );
        const read = readJsonPage(Buffer.from(text));
        if (!('rows' in read)) throw new Error(read.en);
        const sound = read.rows.map((row, index) => (row.fields === undefined ? null : [row.fields, index]));
        const parsed = JSON.parse(text) as unknown[];
        for (const entry of sound) if (entry !== null) expect(entry[0]).toEqual(parsed[entry[1] as number]);
        expect(
          read.rows.every((row) =>
            row.faults.every((fault) => fault.code.startsWith('TEXT_') || fault.code === 'ROW_KEY_FORBIDDEN'),
          ),
        ).toBe(true);
      }),
    );
  });

  it('never believes a row of a text that JSON.parse refuses', () => {
    const broken = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '}', ']', '"', ':', 'x', '\\'));
    fc.assert(
      fc.property(broken, ([json, at, with_]) => {
        const text = `[${json}]`;
        const place = at % text.length;
        const mutated = text.slice(0, place) + with_ + text.slice(place + 1);
        let isJson = true;
        try {
          JSON.parse(mutated);
        } catch {
          isJson = false;
        }
        const read = readJsonPage(Buffer.from(mutated));
        if (!isJson) expect('damage' in read || read.rows.some((row) => row.faults.length > 0)).toBe(true);
      }),
    );
  });

  it('numbers that a double would change stay as they were written (T9)', () => {
    expect(page('[{"a":12345678901234567890,"b":1.10,"c":-0,"d":1e400,"e":1.5,"f":123456789012345}]')).toEqual([
      { a: '12345678901234567890', b: '1.10', c: '-0', d: '1e400', e: 1.5, f: 123456789012345 },
    ]);
  });

  it('repeated keys are found, also when escaped, and only in their own row', () => {
    expect(page('[{"a":1,"b":2},{"a":1,"\\u0061":2},{"a":1,"b":{"x":1,"x":1}},{"b":1,"a":2}]')).toEqual([
      { a: 1, b: 2 },
      'ROW_KEY_REPEATED',
      'ROW_KEY_REPEATED',
      { b: 1, a: 2 },
    ]);
  });

  it('dangerous keys, half characters, NUL and mojibake are faults, and no prototype changes', () => {
    const rows =
      '[{"__proto__":{"x":1}},{"a":{"constructor":1}},{"a":"\\ud800"},{"a":"\\u0000"},{"a":"锟斤拷"},{"a":"\\ufffd"},{"a":"𠮷"}]';
    expect(page(rows)).toEqual([
      'ROW_KEY_FORBIDDEN',
      'ROW_KEY_FORBIDDEN',
      'TEXT_SURROGATE_LONE',
      'TEXT_NUL',
      'TEXT_GARBLED',
      'TEXT_GARBLED',
      { a: '𠮷' },
    ]);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  it('depth, width and size are bounded per row before anything is parsed (T10, F39)', () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, index])));
    const large = JSON.stringify({ a: Array.from({ length: 10 }, () => 'x'.repeat(150_000)) });
    const long = JSON.stringify({ a: 'x'.repeat(300_000) });
    const started = performance.now();
    expect(page(`[${deep},${wide},${large},${long},{"ok":1}]`)).toEqual([
      'ROW_TOO_DEEP',
      'ROW_TOO_WIDE',
      'ROW_TOO_LARGE',
      'FIELD_TOO_LARGE',
      { ok: 1 },
    ]);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('a document that is cut off, not UTF-8 or without its rows is refused', () => {
    expect(page('{"rows":[{"a":1}', 'rows')).toEqual({ damage: 'syntax' });
    expect(page(Buffer.from([0x5b, 0xc4, 0xe3, 0x5d]))).toEqual({ damage: 'encoding' });
    expect(page('{"rows":{}}', 'rows')).toEqual({ damage: 'no-rows' });
    expect(page('{"rows":[],"rows":[{"a":1}]}', 'rows')).toEqual({ damage: 'repeated-key' });
    expect(page('\ufeff[{"a":1}]')).toEqual([{ a: 1 }]);
  });

  it('each row keeps its exact bytes', () => {
    const read = readJsonPage(Buffer.from('{"d":{"r":[ {"a" : 1.10} , {"b":"汉"}]},"n":2}'), 'd.r');
    expect('rows' in read ? read.rows.map((row) => Buffer.from(row.raw).toString()) : []).toEqual([
      '{"a" : 1.10}',
      '{"b":"汉"}',
    ]);
    expect('rows' in read ? read.head : undefined).toEqual({ d: { r: [] }, n: 2 });
  });

  it('a line of its own that is no JSON is a fault of that line', () => {
    expect(readJsonRow(Buffer.from('{"a":')).faults[0]?.code).toBe('ROW_SYNTAX_WRONG');
    expect(readJsonRow(Buffer.from('{"a":1.10}')).fields).toEqual({ a: '1.10' });
  });
});
