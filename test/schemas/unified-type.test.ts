import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { loadSchemas } from '../../src/schema/schema.ts';

const { schemas } = loadSchemas(new URL('../../schemas', import.meta.url).pathname, '2026-11-24');
const TODAY = '2026-11-24';

function typeOf(name: string) {
  const type = schemas.types.get(name);
  if (type === undefined) throw new Error(name);
  return type;
}

const licence = (more: JsonObject = {}): JsonObject => ({
  number: '（桂）字第00123号',
  holder: { name: '南宁某某文化传媒有限公司', creditCode: '91450100MA5KA0017F' },
  validFrom: '2025-04-01',
  validUntil: '2027-03-31',
  ...more,
});

const penalty = (more: JsonObject = {}): JsonObject => ({
  document: { number: '桂新出罚字〔2025〕3号' },
  party: { name: '南宁某某图书发行有限公司', creditCode: '91450100MA5KA0017F' },
  violationType: '擅自批发',
  facts: '擅自批发出版物。',
  basis: '《出版管理条例》第六十一条',
  kinds: ['警告'],
  content: '警告',
  decidedOn: '2025-06-10',
  issuer: { name: '广西壮族自治区新闻出版局' },
  ...more,
});

function faultsOf(name: string, record: JsonObject, authority?: string) {
  const type = typeOf(name);
  return [...type.complete(record, authority), ...type.check(record, { today: TODAY })];
}
const codesOf = (name: string, record: JsonObject) =>
  faultsOf(name, record).map(({ level, code }) => `${level} ${code}`);

const BROADCAST = 'licence/broadcast-production';

describe('completing', () => {
  test('a bare licence gets defaults, certificate name and the authority of its date', () => {
    const record = licence();
    expect(faultsOf(BROADCAST, record)).toEqual([]);
    expect(record).toEqual({
      ...licence(),
      holder: { name: '南宁某某文化传媒有限公司', creditCode: '91450100MA5KA0017F', kind: '法人及非法人组织' },
      certificateName: '广播电视节目制作经营许可证',
      category: '普通',
      status: 'valid',
      issuer: { name: '广西壮族自治区广播电视局', code: '11450000007560027R' },
    });
  });

  test('before the split of 2018 the old bureau issued', () => {
    const record = licence({
      decidedOn: '2017-03-20',
      validFrom: '2017-04-01',
      validUntil: '2019-03-31',
      status: 'expired',
    });
    expect(faultsOf(BROADCAST, record)).toEqual([]);
    expect(record.issuer).toEqual({ name: '广西壮族自治区新闻出版广电局', code: '11450000007560019Y' });
  });

  test("the job's authority comes first, but only for the time in which it existed", () => {
    const now = penalty();
    delete (now as { issuer?: unknown }).issuer;
    typeOf('penalty/penalty').complete(now, 'gx-press-bureau');
    expect(now.issuer).toMatchObject({ name: '广西壮族自治区新闻出版局' });
    const old = { ...penalty({ decidedOn: '2017-06-10' }) };
    delete (old as { issuer?: unknown }).issuer;
    typeOf('penalty/penalty').complete(old, 'gx-press-bureau');
    expect(old.issuer).toMatchObject({ name: '广西壮族自治区新闻出版广电局' });
  });

  test('an alias becomes the official name with its code, and says so', () => {
    const record = licence({ issuer: { name: '自治区广播电视局' } });
    expect(codesOf(BROADCAST, record)).toEqual(['note AUTHORITY_NAME_COMPLETED']);
    expect(record.issuer).toEqual({ name: '广西壮族自治区广播电视局', code: '11450000007560027R' });
  });

  test('a 92 code means an individual business, an id number a person', () => {
    const shop = licence({ holder: { name: '某某书店', creditCode: '92450100MA5KA00332' } });
    const person = licence({ holder: { name: '测试丙', idType: '身份证', idNumber: '11010519491231002X' } });
    expect(codesOf(BROADCAST, shop)).toEqual([]);
    expect(codesOf(BROADCAST, person)).toEqual([]);
    expect(shop.holder).toMatchObject({ kind: '个体工商户' });
    expect(person.holder).toMatchObject({ kind: '自然人' });
  });
});

describe('checking', () => {
  const cases: readonly (readonly [expected: string, type: string, record: JsonObject])[] = [
    ['error DECISION_IN_FUTURE', BROADCAST, licence({ decidedOn: '2026-11-25', validFrom: '2026-12-01' })],
    ['warning DECISION_AFTER_START', BROADCAST, licence({ decidedOn: '2025-04-02' })],
    ['warning STATUS_EXPIRED_UNSAID', BROADCAST, licence({ validFrom: '2023-01-01', validUntil: '2024-12-31' })],
    ['warning STATUS_DATE_MISSING', BROADCAST, licence({ status: 'revoked' })],
    ['warning HOLDER_CODE_MISSING', BROADCAST, licence({ holder: { name: '某某公司' } })],
    [
      'error HOLDER_KIND_MISMATCHED',
      BROADCAST,
      licence({ holder: { name: '某店', kind: '法人及非法人组织', creditCode: '92450100MA5KA00332' } }),
    ],
    [
      'warning AUTHORITY_NOT_THEN',
      BROADCAST,
      licence({ issuer: { name: '自治区新闻出版广电局', code: '11450000007560019Y' } }),
    ],
    [
      'error AUTHORITY_CODE_MISMATCHED',
      BROADCAST,
      licence({ issuer: { name: '广西壮族自治区广播电视局', code: '11450000007560035L' } }),
    ],
    ['warning LICENCE_NUMBER_UNUSUAL', BROADCAST, licence({ number: '桂字123' })],
    ['warning DOCUMENT_PREFIX_MISMATCHED', BROADCAST, licence({ document: { number: '桂新出许〔2025〕1号' } })],
    ['warning PERSONAL_DATA_PHONE', BROADCAST, licence({ content: '联系电话13800138000' })],
    [
      'note CREDIT_CODE_CASE_REPAIRED',
      BROADCAST,
      licence({ holder: { name: '某某公司', creditCode: '91450100ma5ka0017f' } }),
    ],
    ['warning DOCUMENT_YEAR_MISMATCHED', 'penalty/penalty', penalty({ document: { number: '桂新出罚字〔2024〕3号' } })],
    ['warning FINE_UNEXPECTED', 'penalty/penalty', penalty({ fine: '500' })],
    ['error VALIDITY_REVERSED', 'penalty/penalty', penalty({ validUntil: '2025-06-09' })],
    ['error FIELD_PATTERN_WRONG', 'penalty/penalty', penalty({ kinds: ['罚款'], fine: '-5' })],
    [
      'error ESTABLISHED_IN_FUTURE',
      'enterprise/enterprise',
      { creditCode: '91450100MA5KA0017F', name: '某某公司', establishedOn: '2027-01-01' },
    ],
  ];
  test.each(cases)('%s', (expected, type, record) => {
    const faults = faultsOf(type, record);
    expect(faults.map(({ level, code }) => `${level} ${code}`)).toContain(expected);
    for (const { zh, en } of faults) {
      expect(zh).toMatch(/\p{Script=Han}/u);
      expect(en.length).toBeGreaterThan(10);
    }
  });

  test('an authority that is nearly right is suggested', () => {
    const [found] = faultsOf(BROADCAST, licence({ issuer: { name: '广西壮族自治区广播电视厅' } }));
    expect(found).toMatchObject({ code: 'AUTHORITY_UNKNOWN', path: 'issuer.name' });
    expect(found?.zh).toContain('广西壮族自治区广播电视局');
  });

  test('a repaired credit code stands in the record', () => {
    const record = licence({ holder: { name: '某某公司', creditCode: '９1450100ma5ka0017f' } });
    faultsOf(BROADCAST, record);
    expect(record.holder).toMatchObject({ creditCode: '91450100MA5KA0017F' });
  });

  test('all faults of a record come at once, with names of fields, and no value is quoted', () => {
    const faults = faultsOf(
      BROADCAST,
      licence({
        number: '',
        validFrom: '2025-02-30',
        holder: { name: '测试丙', kind: '自然人', idNumber: '11010519491231002X' },
      }),
    );
    expect(faults.map(({ path, code }) => `${path} ${code}`)).toEqual(
      expect.arrayContaining(['number FIELD_EMPTY', 'validFrom FIELD_DATE_WRONG', 'holder.idType FIELD_MISSING']),
    );
    expect(faults.find(({ path }) => path === 'validFrom')?.zh).toContain('有效期自');
    expect(JSON.stringify(faults)).not.toContain('11010519491231002X');
  });

  test('personal data may be kept but not sent', () => {
    const record = penalty({ facts: '当事人（身份证号11010519491231002X）擅自批发。' });
    expect(codesOf('penalty/penalty', record)).toEqual(['warning PERSONAL_DATA_ID_NUMBER']);
    expect(typeOf('penalty/penalty').personalData(record)).toMatchObject([{ level: 'error', path: 'facts' }]);
  });

  test('a registering organ outside the table is no fault', () => {
    expect(
      codesOf('enterprise/enterprise', {
        creditCode: '91450100MA5KA0017F',
        name: '某某公司',
        issuer: { name: '柳州市市场监督管理局' },
      }),
    ).toEqual([]);
  });
});

describe('identity', () => {
  const identify = (name: string, record: JsonObject) => {
    typeOf(name).complete(record);
    const identity = typeOf(name).identity(record);
    if ('faults' in identity) throw new Error(JSON.stringify(identity.faults));
    return identity;
  };

  test('brackets and blanks of a number make no other record', () => {
    const one = identify(BROADCAST, licence());
    const other = identify(BROADCAST, licence({ number: '(桂)字第00123 号' }));
    expect(one.key.toString('hex')).toBe(other.key.toString('hex'));
    expect(one).toMatchObject({
      authority: 'gx-broadcast-bureau',
      number: '（桂）字第00123号',
      creditCode: '91450100MA5KA0017F',
    });
    expect(one.key).toHaveLength(32);
  });

  test('one document that names two parties makes two records', () => {
    const one = identify('penalty/penalty', penalty());
    const other = identify(
      'penalty/penalty',
      penalty({ party: { name: '柳州某某公司', creditCode: '91450200MA5KA0025F' } }),
    );
    expect(one.key.equals(other.key)).toBe(false);
  });

  test('an enterprise keeps its key when its registrar changes', () => {
    const enterprise = (issuer: string): JsonObject => ({
      creditCode: '91450100MA5KA0017F',
      name: '某某公司',
      issuer: { name: issuer },
    });
    expect(identify('enterprise/enterprise', enterprise('南宁市工商局')).key).toEqual(
      identify('enterprise/enterprise', enterprise('南宁市市场监督管理局')).key,
    );
  });

  test('a record without its key fields has faults instead', () => {
    expect(typeOf(BROADCAST).identity({ holder: {} })).toMatchObject({ faults: [{ code: 'RECORD_KEY_MISSING' }] });
  });
});

test('revoked, withdrawn and cancelled licences and repaired penalties are withdrawals', () => {
  const operations = ['valid', 'suspended', 'expired', 'revoked', 'withdrawn', 'cancelled'].map((status) =>
    typeOf(BROADCAST).operation({ status }),
  );
  expect(operations).toEqual(['UPSERT', 'UPSERT', 'UPSERT', 'WITHDRAW', 'WITHDRAW', 'WITHDRAW']);
  expect(typeOf('penalty/penalty').operation({ status: 'repaired' })).toBe('WITHDRAW');
  expect(typeOf('enterprise/enterprise').operation({ status: 'deregistered' })).toBe('UPSERT');
  expect(typeOf('penalty/penalty').everyVersion).toBe(true);
  expect(typeOf(BROADCAST).everyVersion).toBe(false);
});
