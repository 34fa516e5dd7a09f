import { type Fault, fault } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { type Authorities, type Authority, onDate, wasValid } from './authority.ts';
import { firstPresent, textAt, textList } from './field-path.ts';
import type { FlatSchema } from './flat-schema.ts';

type Mutable = { [name: string]: Json };

/** Who issued a record: filled in from the authority table, and checked against it. */
export interface IssuerRules {
  complete(record: JsonObject, authority: string | undefined): readonly Fault[];
  check(record: JsonObject, faults: Fault[]): void;
}

/** `x-authorities`, `x-any-issuer` and `x-issued` of a type. */
export function issuerRules(schema: FlatSchema, authorities: Authorities): IssuerRules {
  const any = schema.keyword('x-any-issuer') === true;
  const own = textList(schema.keyword('x-authorities')).flatMap((id) => authorities.byId(id) ?? []);
  const issued = firstPresent(textList(schema.keyword('x-issued')));
  const preferred = new Map<string, readonly Authority[]>();
  const candidates = (id: string | undefined): readonly Authority[] => {
    if (id === undefined) return own;
    const known = preferred.get(id) ?? [...[authorities.byId(id) ?? []].flat(), ...own];
    preferred.set(id, known);
    return known;
  };
  return {
    complete(record, id) {
      const issuer = record.issuer;
      const date = textAt(record, issued);
      if (issuer === undefined) {
        const all = candidates(id);
        const one = onDate(all, date) ?? all[0];
        if (!any && one !== undefined) (record as Mutable).issuer = { name: one.name, code: one.code };
        return NO_FAULTS;
      }
      return isJsonObject(issuer) ? completeIssuer(issuer, date, authorities) : NO_FAULTS;
    },
    check(record, faults) {
      if (isJsonObject(record.issuer)) {
        const found = issuerFault(record.issuer, textAt(record, issued), authorities, any);
        if (found !== undefined) faults.push(found);
      }
      const number = isJsonObject(record.document) ? record.document.number : undefined;
      if (typeof number === 'string') faults.push(...prefixFaults(number, record.issuer, authorities));
    },
  };
}

const NO_FAULTS: readonly Fault[] = Object.freeze([]);

/** Official name for an alias, code for a name; only where the table leaves no doubt. */
function completeIssuer(issuer: JsonObject, date: string | undefined, authorities: Authorities): readonly Fault[] {
  if (typeof issuer.name !== 'string') return NO_FAULTS;
  const named = authorities.byName(issuer.name);
  const one = onDate(named, date) ?? named[0];
  if (one === undefined) return NO_FAULTS;
  if (issuer.code === undefined) (issuer as Mutable).code = one.code;
  if (issuer.name === one.name || issuer.code !== one.code) return NO_FAULTS;
  (issuer as Mutable).name = one.name;
  return [
    {
      ...fault(
        'note',
        'AUTHORITY_NAME_COMPLETED',
        `机关名称已改为全称“${one.name}”`,
        `the authority's name was completed to ${one.name}`,
      ),
      path: 'issuer.name',
    },
  ];
}

function issuerFault(
  issuer: JsonObject,
  date: string | undefined,
  authorities: Authorities,
  any: boolean,
): Fault | undefined {
  if (typeof issuer.name !== 'string') return undefined;
  const say = (level: Fault['level'], code: string, zh: string, en: string): Fault => ({
    ...fault(level, code, zh, en),
    path: 'issuer.name',
  });
  const named = authorities.byName(issuer.name);
  if (named.length === 0) {
    if (any) return undefined;
    const near = authorities.nearName(issuer.name);
    const hint = near === undefined ? { zh: '', en: '' } : { zh: `，是否为“${near}”？`, en: `; is it ${near}?` };
    return say(
      'error',
      'AUTHORITY_UNKNOWN',
      `机关表中没有这一发证（处罚）机关${hint.zh || '，'}请改用全称，或由管理员补入 schemas/authorities.json`,
      `this authority is not in the table${hint.en}; use its full name, or have it added to schemas/authorities.json`,
    );
  }
  if (typeof issuer.code === 'string' && !named.some(({ code }) => code === issuer.code)) {
    return say(
      'error',
      'AUTHORITY_CODE_MISMATCHED',
      '机关名称与其统一社会信用代码不是同一机关，请核对',
      'name and credit code belong to different authorities; check both',
    );
  }
  if (date === undefined || named.some((one) => wasValid(one, date))) return undefined;
  return say(
    'warning',
    'AUTHORITY_NOT_THEN',
    `该机关名称在 ${date} 不使用（机构改革），请核对决定日期和机关`,
    `the authority did not bear this name on ${date}; check date and authority`,
  );
}

/** A document number whose prefix belongs to another authority (桂新广罚 on a record of the broadcast bureau). */
function prefixFaults(number: string, issuer: Json | undefined, authorities: Authorities): readonly Fault[] {
  const owner = authorities.byDocument(number);
  const code = isJsonObject(issuer) ? issuer.code : undefined;
  if (owner === undefined || code === undefined || owner.code === code) return NO_FAULTS;
  return [
    {
      ...fault(
        'warning',
        'DOCUMENT_PREFIX_MISMATCHED',
        `文号字头属于${owner.name}，与所填机关不同，请核对`,
        `this document prefix is one of ${owner.name}, not of the issuer; please check`,
      ),
      path: 'document.number',
    },
  ];
}
