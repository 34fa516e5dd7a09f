import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { maskId, recordUuid, releasable } from '../../src/schema/outbound.ts';
import { loadSchemas } from '../../src/schema/schema.ts';

const { schemas } = loadSchemas(new URL('../../schemas', import.meta.url).pathname, '2026-11-24');
const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const UUID = '00112233-4455-8677-8899-aabbccddeeff';

function formOf(name: string) {
  const form = schemas.forms.get(name);
  if (form === undefined) throw new Error(name);
  return form;
}

const ISSUER = { name: '广西壮族自治区广播电视局', code: '11450000007560027R' };
const LICENCE: JsonObject = {
  number: '（桂）字第00123号',
  certificateName: '广播电视节目制作经营许可证',
  holder: {
    name: '南宁某某文化传媒有限公司',
    kind: '法人及非法人组织',
    creditCode: '91450100MA5KA0017F',
    registrationNumber: '440301103097413',
    legalRepresentative: '测试甲',
    legalRepresentativeIdType: '身份证',
    legalRepresentativeIdNumber: '11010519491231002X',
  },
  category: '普通',
  decidedOn: '2025-03-20',
  validFrom: '2025-04-01',
  validUntil: null,
  longTerm: true,
  issuer: ISSUER,
  status: 'valid',
};
const PENALTY: JsonObject = {
  document: { number: '桂广电罚〔2026〕1号' },
  party: { name: '某某书店', kind: '个体工商户', creditCode: '92450100MA5KA00332', legalRepresentative: '测试乙' },
  violationType: '擅自制作',
  facts: '擅自制作节目。',
  basis: '《广播电视管理条例》第四十八条',
  kinds: ['警告', '罚款', '没收非法财物', '没收违法所得', '其他-责令改正'],
  content: '警告并罚款',
  fine: '12345.6',
  confiscated: '0.01',
  decidedOn: '2026-01-15',
  validUntil: null,
  publicityUntil: '2027-01-15',
  issuer: ISSUER,
  provider: { name: '自治区数据中心', code: '11450000007560035L' },
  status: 'valid',
};
const PERSON = { name: '测试丙', kind: '自然人', idType: '身份证', idNumber: '11010519491231002X' };

/** Compared as text: the order of members is part of the form. */
const rendered = (form: string, record: JsonObject) => {
  const { data, faults } = formOf(form).render(record, { recordKey: KEY });
  expect(faults).toEqual([]);
  return JSON.stringify(data, null, 1);
};
const text = (value: JsonObject) => JSON.stringify(value, null, 1);

test('a licence in the double-publicity form of 2018', () => {
  expect(rendered('credit-sharing/licence-2018', LICENCE)).toBe(
    text({
      XK_XDR_MC: '南宁某某文化传媒有限公司',
      XK_XDR_LB: '法人及非法人组织',
      XK_XDR_SHXYM: '91450100MA5KA0017F',
      XK_XDR_GSZC: '440301103097413',
      XK_FRDB: '测试甲',
      XK_FR_ZJLX: '身份证',
      XK_FR_ZJHM: '110105********002X',
      XK_XKWS: '广播电视节目制作经营许可证',
      XK_WSH: '（桂）字第00123号',
      XK_XKLB: '普通',
      XK_XKZS: '广播电视节目制作经营许可证',
      XK_XKBH: '（桂）字第00123号',
      XK_NR: '广播电视节目制作经营许可证',
      XK_JDRQ: '2025/03/20',
      XK_YXQZ: '2025/04/01',
      XK_YXQZI: '2099/12/31',
      XK_XKJG: '广西壮族自治区广播电视局',
      XK_XKJGDM: '11450000007560027R',
      XK_ZT: '1',
      XK_LYDW: '广西壮族自治区广播电视局',
      XK_LYDWDM: '11450000007560027R',
    }),
  );
});

test('a penalty in the double-publicity form of 2018: amounts in 万元, kinds joined', () => {
  expect(rendered('credit-sharing/penalty-2018', PENALTY)).toBe(
    text({
      CF_XDR_MC: '某某书店',
      CF_XDR_LB: '个体工商户',
      CF_XDR_SHXYM: '92450100MA5KA00332',
      CF_FRDB: '测试乙',
      CF_WSH: '桂广电罚〔2026〕1号',
      CF_WFXW: '擅自制作',
      CF_SY: '擅自制作节目。',
      CF_YJ: '《广播电视管理条例》第四十八条',
      CF_CFLB: '警告;罚款;没收非法财物;没收违法所得;其他-责令改正',
      CF_NR: '警告并罚款',
      CF_NR_FK: '1.234560',
      CF_NR_WFFF: '0.000001',
      CF_JDRQ: '2026/01/15',
      CF_YXQ: '2099/12/31',
      CF_GSJZQ: '2027/01/15',
      CF_CFJG: '广西壮族自治区广播电视局',
      CF_CFJGDM: '11450000007560027R',
      CF_SJLY: '自治区数据中心',
      CF_SJLYDM: '11450000007560035L',
    }),
  );
});

describe('公示截止期 of a penalty', () => {
  const { publicityUntil: _, ...silent } = PENALTY;
  const endOf = (form: string, record: JsonObject) => {
    const { data } = formOf(form).render(record, { recordKey: KEY });
    return data[form.endsWith('2015') ? 'GSQX' : 'CF_GSJZQ'];
  };

  test.each(['credit-sharing/penalty-2018', 'credit-sharing/penalty-2018-natural', 'credit-sharing/penalty-2015'])(
    'is reckoned by the rules of its time where the bureau does not state it, in %s',
    (form) => {
      expect(endOf(form, silent)).toBe('2029/01/15');
      expect(endOf(form, { ...silent, decidedOn: '2026-04-01' })).toBe('2027/04/01');
      expect(endOf(form, { ...silent, decidedOn: '2026-04-01', severity: '严重' })).toBe('2029/04/01');
      expect(endOf(form, { ...silent, decidedOn: '2026-04-01', summary: true })).toBe('2026/07/01');
    },
  );

  test.each(['credit-sharing/penalty-2018', 'credit-sharing/penalty-2015'])(
    'stands as the bureau states it, also that there is none, and stays empty where the rules show no such penalty, in %s',
    (form) => {
      expect(endOf(form, PENALTY)).toBe('2027/01/15');
      expect(endOf(form, { ...silent, publicityUntil: null })).toBe('2099/12/31');
      expect(endOf(form, { ...silent, kinds: ['警告'] })).toBeUndefined();
    },
  );
});

test('a licence in the layout of 2015: its own names, its own statuses, the bureau’s time stamp', () => {
  const record = { ...LICENCE, revisedAt: '2025-03-21T08:30:00.123' };
  expect(rendered('credit-sharing/licence-2015', record)).toBe(
    text({
      XK_WSH: '（桂）字第00123号',
      XK_XMMC: '广播电视节目制作经营许可证',
      XK_SPLB: '普通',
      XK_NR: '广播电视节目制作经营许可证',
      XK_XDR: '南宁某某文化传媒有限公司',
      XK_XDR_SHXYM: '91450100MA5KA0017F',
      XK_XDR_GSDJ: '440301103097413',
      XK_FR: '测试甲',
      XK_JDRQ: '2025/03/20',
      XK_JZQ: '2099/12/31',
      XK_XZJG: '广西壮族自治区广播电视局',
      XK_ZT: '0',
      DFBM: '450000',
      SJC: '2025/03/21 08:30:00',
    }),
  );
});

test('a penalty in the layout of 2015: old codes, the first kind apart from the others', () => {
  expect(rendered('credit-sharing/penalty-2015', PENALTY)).toBe(
    text({
      CF_WSH: '桂广电罚〔2026〕1号',
      CF_CFMC: '擅自制作',
      CF_CFLB1: '1',
      CF_CFLB2: '2;3;9',
      CF_SY: '擅自制作节目。',
      CF_YJ: '《广播电视管理条例》第四十八条',
      CF_XDR_MC: '某某书店',
      CF_XDR_SHXYM: '92450100MA5KA00332',
      CF_FR: '测试乙',
      CF_JG: '警告并罚款',
      CF_SXQ: '2026/01/15',
      CF_JDRQ: '2026/01/15',
      CF_XZJG: '广西壮族自治区广播电视局',
      CF_ZT: '0',
      DFBM: '450000',
      SJC: '2026/01/15 00:00:00',
      GSQX: '2027/01/15',
    }),
  );
});

test.each([
  ['valid', '0'],
  ['withdrawn', '1'],
  ['revoked', '3'],
  ['cancelled', '3'],
  ['suspended', '3'],
])('a licence that is %s has status %s in the layout of 2015, never a number of 2018', (status, code) => {
  const record = { ...LICENCE, status, statusDate: '2026-02-03', statusReason: '测试原因' };
  const { data } = formOf('credit-sharing/licence-2015').render(record, { recordKey: KEY });
  expect(data).toMatchObject({ XK_ZT: code, BZ: '测试原因', SJC: '2026/02/03 00:00:00' });
});

test('one kind of penalty leaves the second column of 2015 away', () => {
  const { data, faults } = formOf('credit-sharing/penalty-2015').render(
    { ...PENALTY, kinds: ['警告'] },
    { recordKey: KEY },
  );
  expect(faults).toEqual([]);
  expect(data).not.toHaveProperty('CF_CFLB2');
});

test('a cancelled licence in E_OT_PERMIT carries its date and reason', () => {
  const record = {
    ...LICENCE,
    status: 'cancelled',
    statusDate: '2026-02-03',
    statusReason: '申请注销',
    validUntil: '2027-03-31',
  };
  expect(rendered('credit-publicity/licence', record)).toBe(
    text({
      LICID: UUID,
      ENTNAME: '南宁某某文化传媒有限公司',
      REGNO: '440301103097413',
      UNISCID: '91450100MA5KA0017F',
      LICNO: '（桂）字第00123号',
      LICNAME: '广播电视节目制作经营许可证',
      LICNAME_CN: '广播电视节目制作经营许可证',
      VALFROM: '2025-04-01',
      VALTO: '2027-03-31',
      LICANTH: '广西壮族自治区广播电视局',
      LICITEM: '广播电视节目制作经营许可证',
      TYPE: '2',
      CERFITICATION_DATE: '2025-03-20',
      CANDATE: '2026-02-03',
      EQUPLECANREA: '申请注销',
    }),
  );
});

test('a penalty in E_OT_CASE has codes without repeats', () => {
  expect(rendered('credit-publicity/penalty', PENALTY)).toBe(
    text({
      CASEID: UUID,
      ENTNAME: '某某书店',
      UNISCID: '92450100MA5KA00332',
      PENDECNO: '桂广电罚〔2026〕1号',
      ILLEGACTTYPE: '擅自制作',
      PENTYPE: '1,2,3,9',
      PENTYPE_CN: '警告;罚款;没收非法财物;没收违法所得;其他-责令改正',
      PENAM: '1.234560',
      FORFAM: '0.000001',
      PENCONTENT: '警告并罚款',
      JUDAUTH: '广西壮族自治区广播电视局',
      PENDECISSDATE: '2026-01-15',
      DATADEPT: '自治区数据中心',
    }),
  );
});

describe('natural persons', () => {
  test('go to their own forms of credit-sharing, masked, and nowhere else', () => {
    const licence = { ...LICENCE, holder: PERSON };
    const penalty = { ...PENALTY, party: PERSON };
    const takers = (record: JsonObject, part: string) =>
      [...schemas.forms.values()]
        .filter((form) => form.name.includes(part) && form.takes(record))
        .map(({ name }) => name);
    expect(takers(licence, '/licence')).toEqual(['credit-sharing/licence-2015', 'credit-sharing/licence-2018-natural']);
    expect(takers(penalty, '/penalty')).toEqual(['credit-sharing/penalty-2015', 'credit-sharing/penalty-2018-natural']);
    for (const [form, record] of [
      ['credit-sharing/licence-2018-natural', licence],
      ['credit-sharing/penalty-2018-natural', penalty],
      ['credit-sharing/licence-2015', licence],
      ['credit-sharing/penalty-2015', penalty],
    ] as const) {
      expect(rendered(form, record)).toContain('110105********002X');
      expect(rendered(form, record)).not.toContain('11010519491231002X');
    }
  });

  test('no id number, masked or not, ever goes to credit-publicity', () => {
    expect(rendered('credit-publicity/licence', LICENCE)).not.toMatch(/110105|身份证/);
  });
});

describe('status at the publicity system', () => {
  const status = (more: JsonObject) =>
    formOf('credit-publicity/licence').render({ ...LICENCE, ...more }, { recordKey: KEY });

  test.each([
    ['revoked', 'REVDATE', 'SUGREVREASON', '许可证吊销'],
    ['withdrawn', 'REVDATE', 'SUGREVREASON', '许可撤销'],
    ['suspended', 'INVALIDDATE', 'INVALIDREA', '许可证暂扣'],
    ['cancelled', 'CANDATE', 'EQUPLECANREA', '许可证注销'],
  ])('%s without a date takes the day of the last change', (name, date, reason, words) => {
    const { data, faults } = status({ status: name, revisedAt: '2026-02-03T10:00:00' });
    expect(faults).toEqual([]);
    expect(data).toMatchObject({ TYPE: '2', [date]: '2026-02-03', [reason]: words });
  });

  test('no date at all is a fault, but does not hold back a withdrawal', () => {
    expect(status({ status: 'revoked' }).faults).toMatchObject([{ code: 'OUTBOUND_FIELD_WRONG', level: 'error' }]);
    const withdrawal = formOf('credit-publicity/licence').render(
      { ...LICENCE, status: 'revoked' },
      { recordKey: KEY, operation: 'WITHDRAW' },
    );
    expect(withdrawal.faults).toMatchObject([{ level: 'warning' }]);
  });
});

describe('faults name the column', () => {
  const faultsOf = (form: string, record: JsonObject) => formOf(form).render(record, { recordKey: KEY }).faults;

  test('missing', () => {
    const { decidedOn: _, ...rest } = LICENCE;
    const [found, ...more] = faultsOf('credit-sharing/licence-2018', rest);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ code: 'OUTBOUND_FIELD_MISSING', path: 'XK_JDRQ' });
    expect(found?.zh).toContain('许可决定日期');
    expect(found?.zh).toContain('处室');
  });

  test('too long, never cut', () => {
    const long = { ...LICENCE, document: { title: '某'.repeat(65) } };
    expect(faultsOf('credit-sharing/licence-2018', long)).toMatchObject([
      { code: 'OUTBOUND_FIELD_TOO_LONG', path: 'XK_XKWS' },
    ]);
    expect(faultsOf('credit-sharing/licence-2018', { ...LICENCE, document: { title: '𠮷'.repeat(64) } })).toEqual([]);
  });

  test('neither credit code nor registration number', () => {
    const nameless = { ...LICENCE, holder: { name: '某某公司', kind: '法人及非法人组织' } };
    expect(faultsOf('credit-publicity/licence', nameless)[0]?.zh).toContain('UNISCID');
  });
});

describe('release', () => {
  test.each([
    [{ publicity: '主动公开', secrecyReviewed: true }, 'released', []],
    [{ publicity: '不公开', secrecyReviewed: true }, 'withheld', ['note OUTBOUND_NOT_PUBLIC']],
    [{ publicity: '依申请公开' }, 'withheld', ['note OUTBOUND_NOT_PUBLIC']],
    [{ secrecyReviewed: true }, 'unsettled', ['error OUTBOUND_PUBLICITY_MISSING']],
    [{ publicity: '主动公开' }, 'unsettled', ['error OUTBOUND_SECRECY_UNREVIEWED']],
    [{ publicity: '主动公开', secrecyReviewed: false }, 'unsettled', ['error OUTBOUND_SECRECY_UNREVIEWED']],
    [{}, 'unsettled', ['error OUTBOUND_PUBLICITY_MISSING', 'error OUTBOUND_SECRECY_UNREVIEWED']],
  ] as const)('%j is %s', (record, kind, faults) => {
    const release = releasable(record);
    expect(release.kind).toBe(kind);
    expect(release.faults.map(({ level, code }) => `${level} ${code}`)).toEqual(faults);
  });
});

test('a masked number never shows more than six and four characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789X'), maxLength: 30 }), (id) => {
      const masked = maskId(id);
      const shown = [...masked].filter((letter) => letter !== '*').length;
      expect(masked).toHaveLength(id.length);
      expect(shown).toBeLessThanOrEqual(Math.min(10, Math.max(0, id.length - 1)));
    }),
  );
});

test('a record key gives one UUID of version 8', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const key = Buffer.from(bytes).toString('hex');
      expect(recordUuid(key)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(recordUuid(key)).toBe(recordUuid(key));
    }),
  );
});
