import { isJsonObject, type Json, type JsonObject } from '../json.ts';

/** Reads one dotted path of a record; undefined where a step is missing or no object. */
export type FieldReader = (record: JsonObject) => Json | undefined;

/** Compiled once per schema, because it runs for every record. */
export function fieldReader(path: string): FieldReader {
  const [first = '', second, ...rest] = path.split('.');
  if (second === undefined) return (record) => record[first];
  if (rest.length === 0) {
    return (record) => {
      const inner = record[first];
      return isJsonObject(inner) ? inner[second] : undefined;
    };
  }
  const deeper = fieldReader([second, ...rest].join('.'));
  return (record) => {
    const inner = record[first];
    return isJsonObject(inner) ? deeper(inner) : undefined;
  };
}

/** The first path that holds a value; null and '' are no values. */
export function firstPresent(paths: readonly string[]): FieldReader {
  const readers = paths.map(fieldReader);
  return (record) => {
    for (const read of readers) {
      const value = read(record);
      if (isPresent(value)) return value;
    }
    return undefined;
  };
}

export const isPresent = (value: Json | undefined): value is Json =>
  value !== undefined && value !== null && value !== '';

/** The text at a path, or undefined when it is absent or no text. */
export const textAt = (record: JsonObject, read: FieldReader): string | undefined => {
  const value = read(record);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

export const textList = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

/** `{ path: [values] }`, as in `x-withdrawn`, `x-for` and `x-when`: at every path one of its values must stand. */
export function matcher(conditions: Json | undefined): (record: JsonObject) => boolean {
  if (!isJsonObject(conditions)) return () => true;
  const all = Object.entries(conditions).map(([path, values]) => ({
    read: fieldReader(path),
    values: new Set(textList(values)),
  }));
  return (record) => all.every(({ read, values }) => values.has(String(read(record))));
}
