import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { loadSchemas } from '../../src/schema/schema.ts';

const DIR = new URL('../../schemas', import.meta.url).pathname;
const TODAY = '2026-11-24';
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
  folders.push(folder);
  cpSync(DIR, folder, { recursive: true });
  return folder;
}

/** A copy of schemas/ in which one file was changed; the faults that loading it gives. */
function faultsAfter(path: string, edit: (text: string) => string) {
  const folder = copy();
  const file = join(folder, path);
  const before = readFileSync(file, 'utf8');
  const after = edit(before);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
  return loadSchemas(folder, TODAY).faults;
}

const replace = (from: string, to: string) => (text: string) => text.replace(from, to);

test('every example passes and every counter-example fails as promised', () => {
  const { schemas, faults } = loadSchemas(DIR, TODAY);
  expect(faults).toEqual([]);
  expect([...schemas.types.keys()]).toEqual([
    'enterprise/enterprise',
    'licence/broadcast-production',
    'licence/printing',
    'licence/publication-wholesale',
    'penalty/penalty',
  ]);
  expect(schemas.forms.size).toBe(10);
});

test('a fourth licence type needs one JSON file', () => {
  const folder = copy();
  const type = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    'x-title': { zh: '电影放映经营许可证', en: 'Film screening licence' },
    $ref: '../definitions/licence.json',
    type: 'object',
    unevaluatedProperties: false,
    'x-authorities': ['gx-press-bureau'],
    'x-number-pattern': '^桂影放字第[0-9]{1,6}号$',
    properties: {
      certificateName: { default: '电影放映经营许可证', 'x-title': { zh: '许可证书名称', en: 'certificate name' } },
    },
    examples: [
      {
        number: '桂影放字第12号',
        holder: { name: '某某影院' },
        validFrom: '2025-01-01',
        validUntil: null,
        longTerm: true,
      },
    ],
    'x-counter-examples': [
      {
        why: 'no holder',
        fault: 'FIELD_MISSING',
        value: { number: '桂影放字第12号', validFrom: '2025-01-01', validUntil: '2026-01-01' },
      },
    ],
  };
  writeFileSync(join(folder, 'licence', 'film-screening.json'), JSON.stringify(type, null, 2));
  const { schemas, faults } = loadSchemas(folder, TODAY);
  expect(faults).toEqual([]);
  const film = schemas.types.get('licence/film-screening');
  const record: JsonObject = {
    number: '影字9号',
    holder: { name: '某某影院', creditCode: '91450100MA5KA0017F' },
    validFrom: '2025-01-01',
    validUntil: '2027-01-01',
  };
  film?.complete(record);
  expect(record).toMatchObject({
    certificateName: '电影放映经营许可证',
    issuer: { name: '广西壮族自治区新闻出版局' },
    status: 'valid',
  });
  expect(film?.check(record, { today: TODAY }).map(({ code }) => code)).toEqual(['LICENCE_NUMBER_UNUSUAL']);
  const form = schemas.forms.get('credit-sharing/licence-2018');
  expect(form?.takes(record)).toBe(true);
});

describe('a bad schema is refused with file and line', () => {
  const cases: readonly (readonly [name: string, path: string, edit: (text: string) => string, expected: RegExp])[] = [
    [
      'an unknown keyword',
      'licence/printing.json',
      replace('"x-number-pattern"', '"x-number-patern"'),
      /unknown keyword x-number-patern; did you mean x-number-pattern/,
    ],
    [
      'a title without English',
      'licence/printing.json',
      replace(', "en": "Printing licence"', ''),
      /x-title with zh and en is missing/,
    ],
    [
      'an example that fails',
      'licence/printing.json',
      replace('"validUntil": "2027-12-31"', '"validUntil": "2021-12-31"'),
      /the example fails: VALIDITY_REVERSED/,
    ],
    [
      'a counter-example that passes',
      'licence/printing.json',
      replace('"kind": "自然人", "creditCode"', '"kind": "法人及非法人组织", "creditCode"'),
      /passes, HOLDER_CODE_UNEXPECTED was promised/,
    ],
    [
      'a counter-example that fails for another reason',
      'licence/printing.json',
      replace('"fault": "FIELD_DATE_WRONG"', '"fault": "FIELD_MISSING"'),
      /promises FIELD_MISSING but gives FIELD_DATE_WRONG/,
    ],
    [
      'no examples',
      'enterprise/enterprise.json',
      replace('"examples"', '"title": "x", "x-hint"'),
      /examples are missing/,
    ],
    ['an open object', 'penalty/penalty.json', replace('"additionalProperties": false,\n', ''), /objects are closed/],
    [
      'an open nested object',
      'definitions/common.json',
      replace(
        '"additionalProperties": false, "required": ["name"],\n      "properties"',
        '"required": ["name"],\n      "properties"',
      ),
      /objects are closed/,
    ],
    [
      'a base that its user does not close',
      'licence/printing.json',
      replace('"unevaluatedProperties": false,', ''),
      /objects are closed/,
    ],
    [
      'a remote reference',
      'licence/printing.json',
      replace('../definitions/licence.json', 'https://example.com/licence.json'),
      /only name files inside/,
    ],
    [
      'a reference to nothing',
      'licence/printing.json',
      replace('../definitions/licence.json', '../definitions/permit.json'),
      /leads nowhere/,
    ],
    ['a pattern outside RE2', 'licence/printing.json', replace('^[（(]桂', '^(?=a)[（(]桂'), /no look-around/],
    [
      'a pattern without a length',
      'definitions/common.json',
      replace('"maxLength": 16, "pattern"', '"pattern"'),
      /needs a maxLength/,
    ],
    [
      'a wrong value of a keyword',
      'penalty/penalty.json',
      replace('"maxItems": 14', '"maxItems": "x"'),
      /not allowed by JSON Schema/,
    ],
    [
      'a key over a field that is none',
      'penalty/penalty.json',
      replace('"x-key": ["document.number"', '"x-key": ["document.nummer"'),
      /document.nummer in x-key is no field/,
    ],
    [
      'an authority that is not in the table',
      'licence/printing.json',
      replace('"gx-press-bureau"', '"gx-pres-bureau"'),
      /gx-pres-bureau is not in authorities.json/,
    ],
    [
      'a repeated key',
      'licence/printing.json',
      replace('"type": "object",', '"type": "object", "type": "object",'),
      /stands twice/,
    ],
    ['half a file', 'licence/printing.json', (text) => text.slice(0, 900), /not complete JSON/],
    [
      'an authority with a wrong code',
      'authorities.json',
      replace('11450000007560027R', '11450000007560027Q'),
      /wrong credit code/,
    ],
    [
      'an unknown rendering',
      'credit-sharing/enterprise.json',
      replace('"date-dash"', '"date-dot"'),
      /x-render must be one of/,
    ],
  ];
  test.each(cases)('%s', (_, path, edit, expected) => {
    const faults = faultsAfter(path, edit);
    const hit = faults.find(({ en }) => expected.test(en));
    expect(hit, JSON.stringify(faults)).toBeDefined();
    expect(hit?.where).toContain(path);
    expect(hit?.line).toBeGreaterThan(0);
  });

  test('faults of several files come together', () => {
    const folder = copy();
    for (const path of ['licence/printing.json', 'penalty/penalty.json']) {
      const file = join(folder, path);
      writeFileSync(file, readFileSync(file, 'utf8').replace('"x-title"', '"x-titel"'));
    }
    const where = new Set(loadSchemas(folder, TODAY).faults.map((fault) => fault.where));
    expect(where.size).toBe(2);
  });
});

describe('hostile records', () => {
  const { schemas } = loadSchemas(DIR, TODAY);
  const type = schemas.types.get('licence/printing');
  const base = {
    number: '（桂）印证字第450000123号',
    holder: { name: '广西某某印刷有限公司', creditCode: '91450100MA5KA0017F' },
    validFrom: '2023-01-01',
    validUntil: '2027-12-31',
  };
  const codes = (record: JsonObject) => {
    type?.complete(record);
    return type
      ?.check(record, { today: TODAY })
      .filter(({ level }) => level === 'error')
      .map(({ code }) => code);
  };

  test('an own __proto__, constructor or toString is an unknown field and changes no prototype', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const record = JSON.parse(JSON.stringify(base).replace('{', `{"${name}":{"isAdmin":true},`));
      expect(codes(record)).toEqual(['FIELD_UNKNOWN']);
    }
    expect('isAdmin' in {}).toBe(false);
  });

  test('inherited members do not fill required fields', () => {
    const { number: _, ...rest } = base;
    expect(codes(Object.assign(Object.create({ number: base.number }), structuredClone(rest)))).toContain(
      'FIELD_MISSING',
    );
  });

  test('half a character is an error', () => {
    expect(codes({ ...structuredClone(base), content: '某\ud800' })).toEqual(['TEXT_SURROGATE_LONE']);
  });

  test('ten thousand unknown fields give few faults, quickly', () => {
    const wide = {
      ...structuredClone(base),
      ...Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 'x'])),
    };
    const started = performance.now();
    expect(codes(wide)?.length).toBeLessThanOrEqual(20);
    expect(performance.now() - started).toBeLessThan(500);
    const some = {
      ...structuredClone(base),
      ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, 'x'])),
    };
    type?.complete(some);
    const faults = type?.check(some, { today: TODAY });
    expect(faults?.length).toBe(20);
    expect(faults?.at(-1)?.code).toBe('FAULTS_CUT');
  });

  test('a text made to stall patterns is refused by its length', () => {
    const started = performance.now();
    const long = `${'a'.repeat(200_000)}!`;
    expect(codes({ ...structuredClone(base), category: `其他-${long}` })).toEqual(['FIELD_NOT_LISTED']);
    expect(codes({ ...structuredClone(base), number: long })).toEqual(['FIELD_TOO_LONG']);
    expect(performance.now() - started).toBeLessThan(200);
  });
});
