import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { uuidOf } from './uuid-of.ts';

/** What a placeholder of a template may name; the list is closed (docs/platform-http.md §5). */
export const PACKAGE_NAMES = [
  'packageId',
  'packageUuid',
  'dataClass',
  'layoutVersion',
  'senderCode',
  'senderName',
  'recordCount',
  'upsertCount',
  'withdrawCount',
] as const;

export const RECORD_NAMES = ['rowId', 'rowUuid', 'rowNo', 'recordKey', 'dataVersion', 'op', 'payloadHash'] as const;

/** In a path, a header or a signed parameter; with a login also `token`. */
export const CALL_NAMES = ['packageId', 'packageUuid', 'bodyDigest', 'bodyDigestBase64', 'timestamp', 'nonce'] as const;
export type CallName = (typeof CALL_NAMES)[number];

/** In the document of a query; rows only where a batch is one record. */
export const QUERY_NAMES = ['packageId', 'packageUuid', 'recordCount', 'rowId', 'rowUuid'] as const;
export type QueryName = (typeof QUERY_NAMES)[number];

/** `{data.XK_WSH}`: a column of the record. */
export const DATA_PREFIX = 'data.';

/** Values by name; undefined where this record has no such column. */
export type Values = (name: string) => Json | undefined;

export interface RecordValues {
  readonly values: Values;
  /** All columns, in the order of the package. */
  readonly data: JsonObject;
}

export function packageValues(header: BodyHeader, records: readonly BodyRecord[]): Values {
  const withdrawn = records.filter(({ op }) => op === 'D').length;
  const known: { readonly [N in (typeof PACKAGE_NAMES)[number]]: Json } = {
    packageId: header.packageId,
    packageUuid: uuidOf(header.packageId),
    dataClass: header.dataClass,
    layoutVersion: header.layoutVersion,
    senderCode: header.sender.code,
    senderName: header.sender.name,
    recordCount: records.length,
    upsertCount: records.length - withdrawn,
    withdrawCount: withdrawn,
  };
  return own(known);
}

export function recordValues(record: BodyRecord, index: number, outer: Values): RecordValues {
  const parsed: Json = JSON.parse(record.data);
  const data = isJsonObject(parsed) ? parsed : {};
  const known: { readonly [N in (typeof RECORD_NAMES)[number]]: Json } = {
    rowId: record.rowId,
    rowUuid: uuidOf(record.rowId),
    rowNo: index + 1,
    recordKey: record.recordKey,
    dataVersion: record.dataVersion,
    op: record.op,
    payloadHash: record.payloadHash,
  };
  const [here, column] = [own(known), own(data)];
  const values: Values = (name) =>
    name.startsWith(DATA_PREFIX) ? column(name.slice(DATA_PREFIX.length)) : (here(name) ?? outer(name));
  return { values, data };
}

const own =
  (members: { readonly [name: string]: Json }): Values =>
  (name) =>
    Object.hasOwn(members, name) ? members[name] : undefined;

/** A value as text: `null` and what is not there are empty. */
export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
