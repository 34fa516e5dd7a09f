import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SetupError } from '../../src/errors.ts';
import type { Json, JsonObject } from '../../src/json.ts';
import { compileMapping } from '../../src/mapping/mapping.ts';
import { checkMapping } from '../../src/mapping/mapping-check.ts';
import type { FormatName, MappingSpec } from '../../src/mapping/mapping-spec.ts';
import { readers } from '../../src/rules/formats.ts';

const map = (spec: MappingSpec, fields: JsonObject) => compileMapping(spec)(fields);
const read = (as: FormatName, value: Json) => {
  const { record, faults } = map({ x: { from: 'x', as } }, { x: value });
  return { value: record['x'], codes: faults.map(({ code }) => code) };
};

describe('mapping', () => {
  it('the licence of the design page maps as promised', () => {
    const spec: MappingSpec = {
      number: 'xkzbh',
      'holder.name': 'qymc',
      'holder.creditCode': { from: 'tyshxydm', as: 'credit-code' },
      validFrom: { from: 'yxqz', as: 'date' },
      validUntil: { from: 'yxjz', as: 'date' },
      status: { from: 'zt', lookup: { '1': 'valid', '2': 'revoked' } },
    };
    const raw = {
      xkzbh: '（桂）字第00123号',
      qymc: '南宁某某文化传媒有限公司',
      tyshxydm: '91450100MA5KA0017F',
      yxqz: '2025/04/01',
    };
    expect(map(spec, { ...raw, yxjz: '2027/03/31', zt: '1' })).toEqual({
      record: {
        number: '（桂）字第00123号',
        holder: { name: '南宁某某文化传媒有限公司', creditCode: '91450100MA5KA0017F' },
        validFrom: '2025-04-01',
        validUntil: '2027-03-31',
        status: 'valid',
      },
      faults: [],
    });
    expect(map(spec, { ...raw, yxjz: '长期', zt: 2 }).record).toMatchObject({
      validUntil: null,
      longTerm: true,
      status: 'revoked',
    });
  });

  it('long terms get longTerm only beside validFrom', () => {
    const spec: MappingSpec = { validUntil: { from: 'a', as: 'date' }, publicityUntil: { from: 'b', as: 'date' } };
    expect(map(spec, { a: '长期', b: '2099-12-31' }).record).toEqual({ validUntil: null, publicityUntil: null });
  });

  it('a day that cannot be long-term says so', () => {
    expect(map({ decidedOn: { from: 'a', as: 'date' } }, { a: '长期' }).faults).toMatchObject([
      { code: 'DATE_LONG_TERM_UNEXPECTED', path: 'decidedOn', level: 'error' },
    ]);
  });

  it('a blank end is long-term where the mapping says so by its default', () => {
    const spec: MappingSpec = { validFrom: 'a', validUntil: { from: 'b', as: 'date', default: null } };
    expect(map(spec, { a: '2020-01-01', b: ' ' }).record).toEqual({
      validFrom: '2020-01-01',
      validUntil: null,
      longTerm: true,
    });
  });

  it('blank values are absent, the first present one counts, then the default', () => {
    const spec: MappingSpec = { x: { from: ['a', 'b.c'], default: 'd' }, y: 'q', z: { from: 'q' } };
    expect(map(spec, { a: ' \u3000', b: { c: ' B ' } }).record).toEqual({ x: 'B' });
    expect(map(spec, { a: null, b: 'text' }).record).toEqual({ x: 'd' });
    expect(map(spec, { a: 'A', b: { c: 'B' }, q: '' }).record).toEqual({ x: 'A' });
  });

  it('a column title with a dot is found before a path', () => {
    expect(map({ x: 'a.b' }, { 'a.b': 'title', a: { b: 'path' } }).record).toEqual({ x: 'title' });
  });

  it('fillers of coded fields are absent with a warning, zeros in a credit code are not', () => {
    const spec: MappingSpec = { creditCode: { from: ['a', 'b'], as: 'credit-code' } };
    expect(map(spec, { a: '无', b: '91450100MA5KA0017F' })).toMatchObject({
      record: { creditCode: '91450100MA5KA0017F' },
      faults: [{ code: 'VALUE_MISSING', level: 'warning', path: 'creditCode' }],
    });
    expect(map(spec, { a: '/' }).record).toEqual({});
    expect(map(spec, { a: '000000000000000000', b: '91450100MA5KA0017F' })).toMatchObject({
      record: {},
      faults: [{ code: 'CREDIT_CODE_PLACEHOLDER', level: 'error' }],
    });
  });

  it('an unknown value of a lookup names the known ones', () => {
    const { record, faults } = map(
      { 'a.status': { from: 's', lookup: { '1': 'valid', '2': 'revoked' }, default: 'valid' } },
      { s: '9' },
    );
    expect(record).toEqual({});
    expect(faults).toMatchObject([{ code: 'MAPPING_LOOKUP_UNKNOWN', level: 'error', path: 'a.status' }]);
    expect(faults[0]?.zh).toContain('1、2');
  });

  it('a lookup comes before the format, and inherited names are not in it', () => {
    expect(map({ d: { from: 's', lookup: { x: '2017/3/5' }, as: 'date' } }, { s: 'x' }).record).toEqual({
      d: '2017-03-05',
    });
    expect(map({ d: { from: 's', lookup: { x: 'y' } } }, { s: 'constructor' }).faults).toHaveLength(1);
  });

  it('an unknown value is quoted without personal data', () => {
    const { faults } = map({ s: { from: 's', lookup: { x: 'y' } } }, { s: '45010219900307123X' });
    expect(faults[0]?.zh).not.toContain('19900307');
  });

  it('constants are put in, and records share no groups', () => {
    const mapping = compileMapping({ 'issuer.name': { const: '某局' }, 'issuer.code': 'c' });
    const [a, b] = [mapping({ c: '1' }), mapping({})];
    expect(a.record).toEqual({ issuer: { name: '某局', code: '1' } });
    expect(b.record).toEqual({ issuer: { name: '某局' } });
  });

  it('faults stand at their field, repairs as notes', () => {
    const { record, faults } = map(
      { 'holder.creditCode': { from: 'c', as: 'credit-code' } },
      { c: '91450100ma5ka0017f' },
    );
    expect(record).toEqual({ holder: { creditCode: '91450100MA5KA0017F' } });
    expect(faults).toMatchObject([{ path: 'holder.creditCode', level: 'note' }]);
  });

  it('no raw row makes it throw', () => {
    const names = Object.keys(readers) as FormatName[];
    const mapping = compileMapping(Object.fromEntries(names.map((as) => [as.replaceAll('-', '_'), { from: 'x', as }])));
    fc.assert(fc.property(fc.jsonValue(), (x) => Array.isArray(mapping({ x: x as Json }).faults)));
  });
});

describe('checking a mapping', () => {
  const wrong = (spec: unknown) => checkMapping(spec as MappingSpec);

  it.each(['__proto__.x', 'a.constructor', 'prototype', 'a..b', '', 'a.', '1a', 'a b'])(
    'the target %j is refused',
    (target) => {
      const spec = Object.fromEntries([[target, 'x']]);
      expect(wrong(spec)).toMatchObject([{ path: target }]);
      expect(() => compileMapping(spec)).toThrow(SetupError);
      expect({}).not.toHaveProperty('x');
    },
  );

  it('a mistyped format or member is answered with what was meant', () => {
    expect(wrong({ a: { from: 'x', as: 'credit-cod' } })[0]?.en).toContain('did you mean credit-code?');
    expect(wrong({ a: { form: 'x', default: 1 } })[0]?.zh).toContain('from');
    expect(wrong({ a: { from: 'x', as: 'toString' } })).toHaveLength(1);
  });

  it.each([
    [{ a: {} }],
    [{ a: 5 }],
    [{ a: { from: 'x', const: 1 } }],
    [{ a: { from: [] } }],
    [{ a: { from: '' } }],
    [{ a: '__proto__' }],
    [{ a: 'toString' }],
    [{ a: { from: 'x', lookup: {} } }],
    [{ a: 'x', 'a.b': 'y' }],
  ])('%j is refused', (spec) => expect(wrong(spec)).toHaveLength(1));

  it('all faults come at once', () => {
    expect(wrong({ 'a..b': { from: 'x', as: 'nope' }, c: {} })).toHaveLength(3);
  });
});

describe('formats', () => {
  it.each<[FormatName, Json, Json]>([
    ['text', '<p>第一段&nbsp;</p><p>第二段</p>', '第一段 \n第二段'],
    ['text', '罚款<5000元&amp;警告', '罚款<5000元&警告'],
    ['text', '一\u200b二\u0007三\t四', '一二三 四'],
    ['text', 5, '5'],
    ['code', ' ＡＢ－１２ ', 'AB-12'],
    ['name', ' 某某（集团）\u200b', '某某（集团）'],
    ['date', 43100, '2017-12-31'],
    ['date', 20170305, '2017-03-05'],
    ['amount-yuan', 10000.5, '10000.5'],
    ['amount-wan-yuan', 1, '10000'],
    ['amount-yuan', '0000', '0'],
    ['holder-kind', '法人', '法人及非法人组织'],
    ['holder-kind', '02', '法人及非法人组织'],
    ['holder-kind', 1, '法人及非法人组织'],
    ['holder-kind', '企业', '法人及非法人组织'],
    ['holder-kind', '01', '自然人'],
    ['holder-kind', '2', '自然人'],
    ['holder-kind', '个体户', '个体工商户'],
    ['holder-kind', '04', '个体工商户'],
    ['publicity', '依申请公开', '依申请公开'],
    ['publicity', '不予公开', '不公开'],
    ['boolean', '是', true],
    ['boolean', 0, false],
    ['boolean', '无', false],
    ['list', '罚款;警告', ['罚款', '警告']],
    ['list', '罚款，没收违法所得、警告', ['罚款', '没收违法所得', '警告']],
    ['list', '警告-其他-其他', ['警告']],
    ['list', '其它-责令改正', ['其他-责令改正']],
    ['list', '其他-（法律、行政法规规定的其他行政处罚）', ['其他-（法律、行政法规规定的其他行政处罚）']],
    ['list', '吊销许可证；停产停业；罚款；罚款', ['吊销许可证件', '责令停产停业', '罚款']],
    ['list', '暂扣或者吊销许可证', ['其他-暂扣或者吊销许可证']],
    ['list', ['罚款', '警告'], ['罚款', '警告']],
    ['timestamp', '2017/3/5 8:30:00', '2017-03-05T08:30:00'],
    ['timestamp', 1488674700000, '2017-03-05T08:45:00'],
  ])('%s reads %j as %j', (as, raw, value) => expect(read(as, raw).value).toEqual(value));

  it.each<[FormatName, Json, string]>([
    ['list', '没收', 'PENALTY_KIND_UNKNOWN'],
    ['list', '其他', 'PENALTY_KIND_OTHER_BARE'],
    ['publicity', '1', 'PUBLICITY_UNKNOWN'],
    ['holder-kind', '火星人', 'HOLDER_KIND_UNKNOWN'],
    ['boolean', '也许', 'BOOLEAN_UNKNOWN'],
    ['credit-code', Number('914403001922038216'), 'CREDIT_CODE_SCIENTIFIC'],
    ['text', { a: 1 }, 'VALUE_TYPE_WRONG'],
    ['date', 2017, 'DATE_INCOMPLETE'],
    ['amount-yuan', '无', 'VALUE_MISSING'],
  ])('%s refuses %j as %s', (as, raw, code) => expect(read(as, raw)).toEqual({ value: undefined, codes: [code] }));

  it('hostile texts cost no more than their length', () => {
    const started = performance.now();
    for (const piece of ['&amp;', '&', '<!--', '<a ', '没收;', '1,111', '壹', '-', '２', '〔2017〕', '0']) {
      for (const reader of Object.values(readers)) reader(piece.repeat(20_000));
      readers.text(`&${'amp;'.repeat(60_000)}`);
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('reading what a format gave changes nothing more', () => {
    const raw = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<b>&amp;lt;p&amp;gt;x', 'ａ ', '罚款;警告', '１万元', '2017年3月5日'),
    );
    const stable: FormatName[] = [
      'text',
      'code',
      'name',
      'credit-code',
      'document-number',
      'licence-number',
      'amount-yuan',
      'timestamp',
      'list',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...stable), raw, (as, text) => {
        const once = readers[as](text).value;
        if (once !== undefined && once !== '') expect(readers[as](once).value).toEqual(once);
      }),
    );
  });
});
