import { type Fault, fault } from '../fault.ts';
import type { Title } from '../job/job.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { Operation, UnifiedRecord } from '../record.ts';
import { yuanToWan } from '../rules/amount.ts';
import { maskCitizenId } from '../rules/citizen-id.ts';
import { DERIVED } from './derived.ts';
import { fieldReader, isPresent, matcher, textList } from './field-path.ts';
import type { FlatSchema } from './flat-schema.ts';
import type { ShapeCheck } from './schema-engine.ts';
import { cutFaults, schemaFaults } from './schema-faults.ts';

/** A platform's form: the columns of one data class in one layout, compiled from an outbound JSON Schema. */
export interface Form {
  /** e.g. `credit-sharing/licence-2018`. */
  readonly name: string;
  readonly title: Title;
  /** XK_FR, XK_ZRR, CF_FR, CF_ZRR (2018), XK, CF (2015), E_OT_PERMIT, E_OT_CASE, ENTERPRISE. */
  readonly dataClass: string;
  /** XYSGS-2018, XYSGS-2015, GSXT-OT, HUB-1. */
  readonly layout: string;
  /** Whether the form is for such a record: natural persons have forms of their own, or none. */
  takes(record: JsonObject): boolean;
  /** Columns in the order of the schema, with the title that people see. */
  readonly columns: readonly { readonly name: string; readonly title: Title }[];
  /** Members stand in the order of the schema; the same record and key always give the same data. */
  render(record: JsonObject, context: RenderContext): Rendered;
}

export interface RenderContext {
  /** 64 hex digits. */
  readonly recordKey: string;
  /** A withdrawal must go out even where only a cross-column rule (the date of the status) is unmet. */
  readonly operation?: Operation;
}

export interface Rendered {
  readonly data: JsonObject;
  readonly faults: readonly Fault[];
}

/** Whether a record may leave the bureau at all. `withheld`: not meant for sending, nobody has to mend anything. */
export type Release =
  | { readonly kind: 'released'; readonly faults: readonly Fault[] }
  | { readonly kind: 'unsettled'; readonly faults: readonly Fault[] }
  | { readonly kind: 'withheld'; readonly faults: readonly Fault[] };

/** 公开属性 and 保密审查: absent = not sent, and the division must settle it; 依申请公开 and 不公开 are simply kept. */
export function releasable(record: UnifiedRecord | JsonObject): Release {
  if (record.publicity === '依申请公开' || record.publicity === '不公开') return WITHHELD;
  if (record.publicity !== '主动公开') return record.secrecyReviewed === true ? NO_PUBLICITY : NEITHER;
  return record.secrecyReviewed === true ? RELEASED : NOT_REVIEWED;
}

const NO_FAULTS: readonly Fault[] = Object.freeze([]);
const PUBLICITY_MISSING = {
  ...fault(
    'error',
    'OUTBOUND_PUBLICITY_MISSING',
    '没有公开属性，不予报送；请由业务处室填写主动公开、依申请公开或不公开，或在作业中写明该类记录的法定默认值',
    'no publicity is set, so it is not sent; the division says 主动公开, 依申请公开 or 不公开, or the job states the legal default of its type',
  ),
  path: 'publicity',
};
const SECRECY_UNREVIEWED = {
  ...fault(
    'error',
    'OUTBOUND_SECRECY_UNREVIEWED',
    '未经保密审查，不予报送；请完成保密审查后填写',
    'not reviewed for secrecy, so it is not sent; review it and say so',
  ),
  path: 'secrecyReviewed',
};
const NOT_PUBLIC = {
  ...fault(
    'note',
    'OUTBOUND_NOT_PUBLIC',
    '公开属性不是主动公开，不报送',
    'not for active publication, so it is not sent',
  ),
  path: 'publicity',
};
const RELEASED: Release = { kind: 'released', faults: NO_FAULTS };
const WITHHELD: Release = { kind: 'withheld', faults: [NOT_PUBLIC] };
const NO_PUBLICITY: Release = { kind: 'unsettled', faults: [PUBLICITY_MISSING] };
const NOT_REVIEWED: Release = { kind: 'unsettled', faults: [SECRECY_UNREVIEWED] };
const NEITHER: Release = { kind: 'unsettled', faults: [PUBLICITY_MISSING, SECRECY_UNREVIEWED] };

export function compileForm(schema: FlatSchema, shape: ShapeCheck): Form {
  const columns = [...schema.fields].map(([name, field]) => compileColumn(name, field));
  return {
    name: schema.name,
    title: schema.title,
    dataClass: String(schema.keyword('x-data-class')),
    layout: String(schema.keyword('x-layout')),
    takes: matcher(schema.keyword('x-for')),
    columns: columns.map(({ name }) => ({ name, title: schema.labels.get(name) ?? { zh: name, en: name } })),
    render(record, { recordKey, operation }) {
      const data: { [name: string]: Json } = {};
      for (const { name, value } of columns) {
        const found = value(record, recordKey);
        if (found !== undefined) data[name] = found;
      }
      const errors = shape(data);
      if (errors.length === 0) return { data, faults: NO_FAULTS };
      const faults = cutFaults(schemaFaults(errors, schema.labels, 'outbound'));
      return { data, faults: operation === 'WITHDRAW' ? faults.map(lenient) : faults };
    },
  };
}

/** Faults of the whole row are cross-column rules; the columns that name the record stay demanded. */
const lenient = (found: Fault): Fault => (found.path === '' ? { ...found, level: 'warning' } : found);

interface Column {
  readonly name: string;
  readonly value: (record: JsonObject, recordKey: string) => Json | undefined;
}

/** `x-const`, or the first filled path of `x-from`, or where none is `x-derive` → `x-lookup` → `x-render`; `x-when` says for which records. */
function compileColumn(name: string, field: JsonObject): Column {
  const constant = field['x-const'];
  if (constant !== undefined) return { name, value: () => constant };
  if (field['x-render'] === 'record-uuid') return { name, value: (_, recordKey) => recordUuid(recordKey) };
  const read = firstOrNull(typeof field['x-from'] === 'string' ? [field['x-from']] : textList(field['x-from']));
  const lookup = compileLookup(field['x-lookup']);
  const render = compileRender(field);
  const endless = field['x-long-term'];
  const derive = DERIVED[String(field['x-derive'])] ?? nothing;
  const value = (record: JsonObject): Json | undefined => {
    const stated = read(record);
    const found = stated === undefined ? derive(record) : stated;
    if (found === null) return endless;
    return isPresent(found) ? render(lookup(found)) : undefined;
  };
  if (field['x-when'] === undefined) return { name, value };
  const applies = matcher(field['x-when']);
  return { name, value: (record) => (applies(record) ? value(record) : undefined) };
}

const nothing = (): undefined => undefined;

/** The first filled value; null when none is filled and the last path says “no end”. */
function firstOrNull(paths: readonly string[]): (record: JsonObject) => Json | undefined {
  const readers = paths.map(fieldReader);
  return (record) => {
    let last: Json | undefined;
    for (const read of readers) {
      last = read(record);
      if (isPresent(last)) return last;
    }
    return last === null ? null : undefined;
  };
}

/** Values that the table does not know pass unchanged, unless it has a `*`; lists item by item, without repeats. */
function compileLookup(table: Json | undefined): (value: Json) => Json {
  if (!isJsonObject(table)) return (value) => value;
  const known = new Map(Object.entries(table));
  const one = (value: Json): Json => known.get(String(value)) ?? known.get('*') ?? value;
  return (value) => (Array.isArray(value) ? [...new Set(value.map(one))] : one(value));
}

/** The closed list of `x-render`. A value that it cannot render passes as it is and fails the column's own schema. */
export const RENDERS: readonly string[] = [
  'text',
  'date-slash',
  'date-dash',
  'wan-yuan',
  'join',
  'mask-id',
  'upper',
  'record-uuid',
  'time-slash',
  'first',
  'rest',
];

function compileRender(field: JsonObject): (value: Json) => Json | undefined {
  switch (field['x-render']) {
    case 'date-slash':
      return (value) =>
        typeof value === 'string' ? `${value.slice(0, 4)}/${value.slice(5, 7)}/${value.slice(8, 10)}` : value;
    case 'date-dash':
      return (value) => (typeof value === 'string' ? value.slice(0, 10) : value);
    case 'wan-yuan':
      return (value) => (typeof value === 'string' && YUAN.test(value) ? yuanToWan(value) : value);
    case 'join': {
      const separator = typeof field['x-separator'] === 'string' ? field['x-separator'] : ';';
      return (value) => (Array.isArray(value) ? value.join(separator) : value);
    }
    case 'first':
      return (value) => (Array.isArray(value) ? value[0] : value);
    case 'rest': {
      const separator = typeof field['x-separator'] === 'string' ? field['x-separator'] : ';';
      return (value) => (Array.isArray(value) && value.length > 1 ? value.slice(1).join(separator) : undefined);
    }
    case 'time-slash':
      return (value) => (typeof value === 'string' ? slashTime(value) : value);
    case 'mask-id':
      return (value) => (typeof value === 'string' ? maskId(value) : value);
    case 'upper':
      return (value) => (typeof value === 'string' ? value.toUpperCase() : value);
    default:
      return (value) => value;
  }
}

/** `2026-02-03T10:00:00…` or `2026-02-03` → `2026/02/03 10:00:00`, `2026/02/03 00:00:00`: the bureau's own clock, no zone. */
function slashTime(instant: string): string {
  const [, date = '', time = '00:00:00'] = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2}))?/.exec(instant) ?? [];
  return date === '' ? instant : `${date.replaceAll('-', '/')} ${time}`;
}

const YUAN = /^\d{1,30}(?:\.\d{1,2})?$/;

/** 450102********123X; shorter numbers (passports, permits) keep their first and last character only (domain sheet 2.7). */
export function maskId(id: string): string {
  if (id.length >= 15) return maskCitizenId(id);
  return id.length < 3 ? '*'.repeat(id.length) : `${id.slice(0, 1)}${'*'.repeat(id.length - 2)}${id.slice(-1)}`;
}

/** 36 characters from the first 16 bytes of the record key, marked as a version 8 (custom) UUID of RFC 9562. */
export function recordUuid(recordKey: string): string {
  const variant = '89ab'.charAt(Number.parseInt(recordKey.charAt(16), 16) & 3);
  return [
    recordKey.slice(0, 8),
    recordKey.slice(8, 12),
    `8${recordKey.slice(13, 16)}`,
    `${variant}${recordKey.slice(17, 20)}`,
    recordKey.slice(20, 32),
  ].join('-');
}
