import type { SetupFault } from '../errors.ts';
import { hasError } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { readCreditCode } from '../rules/credit-code.ts';
import { compareKey } from '../rules/name.ts';
import { nearest } from '../suggest.ts';
import type { JsonFile } from './schema-file.ts';

/** One issuing authority for the time in which it bore this name (schemas/authorities.json). */
export interface Authority {
  readonly id: string;
  /** Full official name. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** 统一社会信用代码 */
  readonly code: string;
  /** Beginnings of its document numbers, e.g. 桂新广罚. */
  readonly documentPrefixes: readonly string[];
  /** Inclusive legal dates `YYYY-MM-DD`; `validUntil` null: still so. */
  readonly validFrom: string;
  readonly validUntil: string | null;
  readonly note: string;
}

export interface Authorities {
  readonly all: readonly Authority[];
  byId(id: string): Authority | undefined;
  byCode(code: string): readonly Authority[];
  /** By official name or alias, brackets and spaces aside. */
  byName(name: string): readonly Authority[];
  /** By the longest prefix that a document number begins with. */
  byDocument(number: string): Authority | undefined;
  /** The known name nearest to a wrong one. */
  nearName(name: string): string | undefined;
}

export const wasValid = (authority: Authority, date: string): boolean =>
  authority.validFrom <= date && (authority.validUntil === null || date <= authority.validUntil);

/** The one that was valid on the date; without a date the one that is valid still. */
export const onDate = (authorities: readonly Authority[], date: string | undefined): Authority | undefined =>
  authorities.find((one) => (date === undefined ? one.validUntil === null : wasValid(one, date)));

export function authorityTable(all: readonly Authority[]): Authorities {
  const ids = new Map(all.map((one) => [one.id, one]));
  const codes = Map.groupBy(all, ({ code }) => code);
  const names = Map.groupBy(
    all.flatMap((one) => [one.name, ...one.aliases].map((name) => ({ key: compareKey(name), one }))),
    ({ key }) => key,
  );
  const byRawName = new Map<string, readonly Authority[]>();
  for (const one of all)
    byRawName.set(
      one.name,
      (names.get(compareKey(one.name)) ?? []).map((entry) => entry.one),
    );
  const prefixes = all
    .flatMap((one) => one.documentPrefixes.map((prefix) => ({ prefix, one })))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return {
    all,
    byId: (id) => ids.get(id),
    byCode: (code) => codes.get(code) ?? [],
    byName: (name) => byRawName.get(name) ?? (names.get(compareKey(name)) ?? []).map(({ one }) => one),
    byDocument: (number) => prefixes.find(({ prefix }) => number.startsWith(prefix))?.one,
    nearName: (name) =>
      nearest(
        name,
        all.flatMap((one) => [one.name, ...one.aliases]),
      ),
  };
}

/** Checks the table itself; all faults at once. */
export function readAuthorities(file: JsonFile): {
  readonly authorities: Authorities;
  readonly faults: readonly SetupFault[];
} {
  if (!Array.isArray(file.content)) {
    return {
      authorities: authorityTable([]),
      faults: [file.fault([], '应为机关列表', 'must be a list of authorities')],
    };
  }
  const entries: readonly Json[] = file.content;
  const faults = entries.flatMap((entry, index) => entryFaults(file, entry, index));
  const ids = entries.map((entry) => (isJsonObject(entry) ? entry.id : undefined));
  const doubled = ids.flatMap((id, index) =>
    ids.indexOf(id) === index ? [] : [file.fault([index], `机关 ${id} 写了两次`, `authority ${id} stands twice`)],
  );
  const sound = faults.length === 0 ? (entries as unknown as readonly Authority[]) : [];
  return { authorities: authorityTable(sound), faults: [...faults, ...doubled] };
}

const MEMBERS = ['id', 'name', 'aliases', 'code', 'documentPrefixes', 'validFrom', 'validUntil', 'note'];
const DAY = /^\d{4}-\d{2}-\d{2}$/;

function entryFaults(file: JsonFile, entry: Json, index: number): SetupFault[] {
  const complain = (zh: string, en: string): SetupFault[] => [file.fault([index], zh, en)];
  if (!isJsonObject(entry)) return complain('应为机关', 'must be an authority');
  const missing = MEMBERS.filter((member) => entry[member] === undefined);
  const unknown = Object.keys(entry).filter((member) => !MEMBERS.includes(member));
  if (missing.length > 0) return complain(`缺少 ${missing.join('、')}`, `${missing.join(', ')} missing`);
  if (unknown.length > 0) return complain(`没有 ${unknown.join('、')} 这一项`, `unknown: ${unknown.join(', ')}`);
  if (!isAuthority(entry))
    return complain(
      '某项的类型不对：名单为文本列表，日期为 YYYY-MM-DD',
      'wrong type: lists of texts, dates YYYY-MM-DD',
    );
  if (hasError(readCreditCode(entry.code).faults) || !/^1[12]/.test(entry.code)) {
    return complain(
      `机关 ${entry.id} 的统一社会信用代码不对，机关应以 11 或 12 开头`,
      `authority ${entry.id}: wrong credit code, organs begin with 11 or 12`,
    );
  }
  if (entry.validUntil !== null && entry.validUntil < entry.validFrom) {
    return complain(`机关 ${entry.id} 的起止日期颠倒`, `authority ${entry.id} ends before it begins`);
  }
  return [];
}

const areTexts = (value: Json | undefined): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const isAuthority = (entry: JsonObject): entry is JsonObject & Authority =>
  ['id', 'name', 'code', 'note'].every((member) => typeof entry[member] === 'string') &&
  areTexts(entry.aliases) &&
  areTexts(entry.documentPrefixes) &&
  DAY.test(String(entry.validFrom)) &&
  (entry.validUntil === null || DAY.test(String(entry.validUntil)));
