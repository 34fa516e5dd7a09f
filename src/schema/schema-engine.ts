import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import type { SetupFault } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { exists } from '../rules/civil-day.ts';
import type { SchemaFile } from './schema-file.ts';

/** Checks a value against one schema: nothing when it fits, else what ajv found. */
export type ShapeCheck = (value: JsonObject) => readonly ErrorObject[];

/** Base of every schema's id; relative `$ref`s resolve against it and nothing is ever fetched. */
const BASE = 'hub://schemas/';

/** Our own keywords; what each means is told in schemas/README.md. */
export const OWN_KEYWORDS: readonly string[] = [
  'x-any-issuer',
  'x-authorities',
  'x-check',
  'x-const',
  'x-counter-examples',
  'x-data-class',
  'x-derive',
  'x-every-version',
  'x-for',
  'x-free-text',
  'x-from',
  'x-hint',
  'x-issued',
  'x-key',
  'x-layout',
  'x-long-term',
  'x-lookup',
  'x-number-pattern',
  'x-render',
  'x-rules',
  'x-search',
  'x-separator',
  'x-title',
  'x-when',
  'x-withdrawn',
];

interface LinearPattern {
  test(text: string): boolean;
  toString(): string;
}

/** RE2 knows no exponential patterns (delivery.md T6); throws on look-around, back references and `\u` escapes. */
export const linearPattern = (pattern: string): LinearPattern => {
  const compiled = RE2JS.compile(pattern);
  // ajv keeps one pattern per toString(): without it all patterns would be the first one.
  return { test: (text) => compiled.test(text), toString: () => `re2:${pattern}` };
};

const regExp = Object.assign(linearPattern, { code: 'linearPattern' });

/**
 * Compiles schemas for the hot path: the first error ends a check, and only a record that failed is looked through for all
 * of them, by a second validator made when first needed. A record too big for that keeps its first error.
 */
export function schemaEngine(files: readonly SchemaFile[]): (file: SchemaFile) => ShapeCheck {
  let quick: Ajv2020 | undefined;
  let thorough: Ajv2020 | undefined;
  return (file) => {
    quick ??= newAjv(files, false);
    const fits = quick.compile({ $ref: idOf(file) });
    return (value) => {
      if (fits(value)) return NO_ERRORS;
      if (!isModest(value)) return fits.errors ?? NO_ERRORS;
      thorough ??= newAjv(files, true);
      const all = thorough.getSchema(idOf(file)) ?? fits;
      return all(value) ? NO_ERRORS : (all.errors ?? NO_ERRORS);
    };
  };
}

/** What the meta-schema of JSON Schema 2020-12 forbids; every file must pass before `schemaEngine`. */
export function metaFaults(files: readonly SchemaFile[]): readonly SetupFault[] {
  const ajv = newAjv([], true);
  return files.flatMap((file) => {
    if (ajv.validateSchema(file.content) === true) return [];
    return (ajv.errors ?? []).slice(0, 5).map(({ instancePath, message = '' }) => {
      const pointer = instancePath.split('/').slice(1);
      const place = pointer.join('.');
      return file.fault(
        pointer,
        `${place} 不合 JSON Schema 的规定：${message}`,
        `${place} is not allowed by JSON Schema: ${message}`,
      );
    });
  });
}

const NO_ERRORS: readonly ErrorObject[] = Object.freeze([]);

const idOf = ({ name }: SchemaFile): string => `${BASE}${name}.json`;

function newAjv(files: readonly SchemaFile[], allErrors: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    ownProperties: true,
    allErrors,
    // Lengths in UTF-16 units never pass a text that is too long; the few that fail by it are counted again by characters.
    unicode: allErrors,
    // Shows the hint that stands beside a failed keyword.
    verbose: allErrors,
    code: { regExp },
    formats: CHECKS,
    logger: false,
    // `metaFaults` has looked at every file already.
    validateSchema: false,
  });
  ajv.addVocabulary([...OWN_KEYWORDS]);
  for (const file of files) ajv.addSchema({ ...file.content, $id: idOf(file) });
  return ajv;
}

/** Small enough that listing every error takes no time: at most 500 values, no text beyond 20,000 characters. */
function isModest(value: JsonObject): boolean {
  let left = 500;
  const fits = (inner: unknown): boolean => {
    if (--left < 0) return false;
    if (typeof inner === 'string') return inner.length <= 20_000;
    return typeof inner !== 'object' || inner === null || Object.values(inner).every(fits);
  };
  return fits(value);
}

/** `YYYY-MM-DD`, a day that exists; no `Date` involved (delivery.md T19, T20). */
function isLegalDate(text: string): boolean {
  if (text.length !== 10 || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return false;
  const year = digits(text, 0, 4);
  return year > 0 && exists({ year, month: digits(text, 5, 7), day: digits(text, 8, 10) });
}

/** The number that the characters stand for, negative when one is no digit. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** `YYYY/MM/DD`, as 双公示 writes dates. */
const isSlashDate = (text: string): boolean =>
  text.charCodeAt(4) === 47 && text.charCodeAt(7) === 47 && isLegalDate(text.replaceAll('/', '-'));

/** `YYYY/MM/DD hh:mm:ss`, the time stamp of the 2015 layout. */
const isSlashTime = (text: string): boolean =>
  isSlashDate(text.slice(0, 10)) && /^ (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/.test(text.slice(10));

/** 万元 with six decimals. */
const isWanYuan = (text: string): boolean => text.length <= 19 && /^\d{1,12}\.\d{6}$/.test(text);

/** A day, or local time `YYYY-MM-DDTHH:MM:SS[.mmm]`. */
const isLegalInstant = (text: string): boolean =>
  isLegalDate(text.slice(0, 10)) && /^(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?)?$/.test(text.slice(10));

/** The formats that schemas may name. Functions and bounded patterns, because formats run before anything limits a text. */
const CHECKS = {
  'legal-date': isLegalDate,
  'legal-instant': isLegalInstant,
  'slash-date': isSlashDate,
  'slash-time': isSlashTime,
  'wan-yuan': isWanYuan,
};
export const FORMATS: readonly string[] = Object.keys(CHECKS);
