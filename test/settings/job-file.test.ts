import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type LoadedJobs, loadJobs } from '../../src/job/job-file.ts';
import { loadSchemas } from '../../src/schema/schema.ts';

const { types, forms } = loadSchemas(join(import.meta.dirname, '../../schemas')).schemas;

const pull = `kind: pull
title: { zh: 归集广播电视节目制作经营许可证, en: Pull broadcast production licences }
division: 传媒机构管理处                      # who mends what does not fit
schedule: { cron: "30 2 * * *", catchUp: 20h } # HUB_TIMEZONE
source:
  use: http
  url: \${APPROVAL_URL}/licences
  auth: { bearer: "\${APPROVAL_TOKEN}" }
  items: data.rows
  paging: { page: pageNo, size: pageSize, limit: 1000 }
  cursor: { field: updatedAt, overlap: 10m }
type: licence/broadcast-production
mapping:
  number: xkzbh
  holder.name: qymc
  holder.creditCode: { from: tyshxydm, as: credit-code }
  validFrom: { from: yxqz, as: date }
  validUntil: { from: yxjz, as: date }         # 长期 in any spelling becomes null + longTerm
  status: { from: zt, lookup: { "1": valid, "2": revoked } }
samples:
  - raw: { xkzbh: （桂）字第00123号, qymc: 南宁某某文化传媒有限公司, tyshxydm: 91450100MA5KA0017F, yxqz: 2025/04/01, yxjz: 2027/03/31, zt: "1", updatedAt: 2025-04-01T08:00:00 }
    gives: { number: （桂）字第00123号, status: valid, validUntil: "2027-03-31", holder: { creditCode: 91450100MA5KA0017F } }
`;

const push = `kind: push
title: { zh: 每周五报送信用信息共享平台, en: Friday push to the credit-sharing platform }
duty: { basis: 实施方案七(三), every: friday, start: "09:00", due: "18:00", grace: 1d, whenOff: previous-workday, goLive: 2026-12-04 }
platform: { use: http, url: "\${CREDIT_SHARING_URL}", sign: hmac-sha256, batchSize: 500, concurrency: 2, receipts: async, doneWhen: answered, nil: message }
types: { "licence/*": credit-sharing/licence-2018, "penalty/*": credit-sharing/penalty-2018, "enterprise/*": credit-sharing/enterprise }
`;

const env = {
  APPROVAL_URL: 'https://sp.example.gov.cn',
  APPROVAL_TOKEN: 'canary',
  CREDIT_SHARING_URL: 'http://127.0.0.1:9/x',
};

function load(files: { [name: string]: string }, environment: { [name: string]: string } = env): LoadedJobs {
  const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return loadJobs(dir, environment, { types, forms });
}

/** `line: English sentence` of every fault of the pull job after a change. */
function faultsOf(from: string | RegExp, to: string): string[] {
  const changed = pull.replace(from, to);
  expect(changed).not.toBe(pull);
  return load({ 'pull-x.yaml': changed }).faults.map(({ line, en }) => `${line}: ${en}`);
}

describe('job files', () => {
  it('load as the README shows them', () => {
    const { jobs, faults, secrets } = load({ 'pull-broadcast-licences.yaml': pull, 'push-credit-sharing.yaml': push });
    expect(faults).toEqual([]);
    expect(jobs).toMatchObject([
      {
        name: 'pull-broadcast-licences',
        kind: 'pull',
        schedule: { cron: '30 2 * * *', catchUpS: 72_000 },
        source: { use: 'http', url: 'https://sp.example.gov.cn/licences', auth: { bearer: 'canary' } },
      },
      {
        name: 'push-credit-sharing',
        kind: 'push',
        platformName: 'credit-sharing',
        types: { 'licence/*': ['credit-sharing/licence-2018'] },
        duty: { goLive: '2026-12-04' },
      },
    ]);
    expect(secrets).toEqual(['canary']);
  });

  it('name every fault at once, each with its line', () => {
    const { jobs, faults } = load({
      'pull-x.yaml': pull
        .replace('division:', 'devision:')
        .replace('30 2 * * *', '61 2 * * *')
        .replace('overlap: 10m', 'overlap: ten')
        .replace('type: licence/broadcast-production', 'type: licence/broadcast-produktion')
        .replace('as: credit-code', 'as: creditcode'),
    });
    expect(jobs).toEqual([]);
    expect(faults.map(({ line, en }) => [line, en])).toEqual([
      [1, 'division is missing'],
      [3, expect.stringContaining('did you mean division?')],
      [4, expect.stringContaining('schedule.cron')],
      [11, expect.stringContaining('write a duration as')],
      [12, expect.stringContaining('did you mean licence/broadcast-production?')],
      [16, expect.stringContaining('did you mean credit-code?')],
    ]);
  });

  it('name a missing variable once, however many files want it', () => {
    const { faults } = load({ 'pull-a.yaml': pull, 'pull-b.yaml': pull }, { APPROVAL_TOKEN: 'canary' });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ line: 7, en: expect.stringContaining('APPROVAL_URL') });
  });

  it.each([
    ['a doubled key', 'type: licence', 'division: x\ntype: licence', /^12: this key stands twice/],
    ['a secret in clear', '"${APPROVAL_TOKEN}"', '"abc123"', /^8: source.auth.bearer is a secret/],
    [
      'a credit code that would lose digits',
      'tyshxydm: 91450100MA5KA0017F',
      'tyshxydm: 914403001922038216',
      /^21: .*put it in quotes/,
    ],
    ['a cron of six fields', '30 2 * * *', '0 30 2 * * *', /^4: .*five fields/],
    ['an unknown kind', 'kind: pull', 'kind: pul', /^1: .*did you mean pull\?/],
    ['an unknown use', 'use: http', 'use: https', /^6: .*did you mean http\?/],
    ['an address that is none', '${APPROVAL_URL}/licences', 'licences', /^7: .*http/],
    ['a password in an address', '${APPROVAL_URL}', 'https://u:p@h', /^7: .*user name or password/],
    ['text where a number belongs', 'limit: 1000', 'limit: "1000"', /^10: .*whole number/],
    ['no samples', /samples:[\s\S]*/, 'samples: []\n', /^20: samples needs at least 1/],
    [
      'a mapping into two places at once',
      'number: xkzbh',
      'validFrom.x: xkzbh',
      /^14: .*validFrom.x clashes with validFrom/,
    ],
    ['a sample that breaks its promise', 'status: valid, v', 'status: revoked, v', /^22: .*"revoked".*became "valid"/],
    ['a sample that does not pass', '91450100MA5KA0017F, yxqz', '91450100MA5KA0017G, yxqz', /^21: .*holder.creditCode/],
    ['a broken line', 'type: licence', 'type: [licence', /^\d+: not valid YAML/],
  ])('refuse %s', (_, from, to, complaint) => {
    const faults = faultsOf(from, to);
    expect(faults.filter((fault) => complaint.test(fault))).toHaveLength(1);
  });

  it('refuse a first day that no calendar has', () => {
    const faulty = load({ 'push-credit-sharing.yaml': push.replace('goLive: 2026-12-04', 'goLive: 2026-02-30') });
    expect(faulty.faults.map(({ line, en }) => [line, en])).toEqual([
      [3, expect.stringContaining('a day that exists')],
    ]);
  });

  it('refuse hosts that are not allowed', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, 'pull-x.yaml'), pull);
    const hosts = (list: string[]) => loadJobs(dir, env, { types, forms, hosts: list }).faults.map(({ line }) => line);
    expect(hosts(['sp.example.gov.cn:443'])).toEqual([]);
    expect(hosts(['example.gov.cn', '10.0.0.0/8'])).toEqual([]);
    expect(hosts(['example.gov.cn'])).toEqual([7]);
  });

  it('refuse a push to an unknown form or of an unknown type', () => {
    const { faults } = load({
      'push-x.yaml': push.replace('licence-2018', 'licence-2081').replace('enterprise/*', 'enterprize/*'),
    });
    expect(faults).toHaveLength(2);
    expect(faults.every(({ line }) => line === 5)).toBe(true);
    expect(faults[0]?.en).toContain('did you mean credit-sharing/licence-2018?');
  });

  it('never show the value of a secret in a fault', () => {
    const { faults } = load({ 'pull-x.yaml': pull.replace('${APPROVAL_URL}', '${APPROVAL_TOKEN}') });
    expect(faults.length).toBeGreaterThan(0);
    expect(JSON.stringify(faults)).not.toContain('canary');
  });
});

describe('when a platform may be sent to', () => {
  it('takes hours, weekdays and how long a key is remembered, and names line and word of what is wrong', () => {
    const terms = 'sendingWindow: { from: "08:00", to: "18:00", days: [mon, fri] }, idempotencyTtl: 24h, nil: message';
    expect(
      load({ 'push-x.yaml': push.replace('nil: message', terms).replace('sign: hmac-sha256, ', '') }).faults,
    ).toEqual([]);
    const wrong = terms.replace('"08:00"', '8').replace('fri', 'friday');
    const { faults } = load({ 'push-x.yaml': push.replace('nil: message', wrong).replace('sign: hmac-sha256, ', '') });
    expect(faults.map(({ line }) => line)).toEqual([4, 4]);
    expect(faults.map(({ en }) => en).join()).toMatch(/sendingWindow/);
  });
});
