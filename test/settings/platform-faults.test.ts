import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadJobs } from '../../src/job/job-file.ts';
import { loadSchemas } from '../../src/schema/schema.ts';
import { readSettings } from '../../src/settings.ts';

const { types, forms } = loadSchemas(join(import.meta.dirname, '../../schemas')).schemas;

const env = {
  P_URL: 'https://p.example.gov.cn',
  P_PASSWORD: 'canary',
  P_KEY: '0123456789abcdef',
  DB_URL: 'mysql://u:canary@db.example.gov.cn/x',
};

/** `line: English sentence` of every fault of a push job with this platform. */
function faults(platform: string, more: { readonly [name: string]: string } = {}): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const text = `kind: push\ntitle: { zh: 报送, en: Push }\ntypes: { "licence/*": credit-sharing/licence-2018 }\nplatform:\n${platform}`;
  writeFileSync(join(dir, 'push-p.yaml'), text);
  return loadJobs(dir, { ...env, ...more }, { types, forms }).faults.map(({ line, en }) => `${line}: ${en}`);
}

const http = (rest: string): string => `  use: http\n  url: \${P_URL}\n${rest}`;
const answered = `  answer: { code: /code, codes: { accepted: ["0"] } }\n  query: none\n  idempotent: true\n`;

test.each<[string, string, RegExp]>([
  [
    'a placeholder that nobody knows',
    http(`${answered}  body: { json: { id: "{packgeId}", r: { $each: records, $data: all } } }\n`),
    /^10: platform\.body\.json\.id: unknown placeholder \{packgeId\}; did you mean packageId\?$/,
  ],
  [
    'a list of notices that is no path of this platform',
    http('  notices: https://elsewhere.example.gov.cn/notices\n'),
    /^7: .*write true, or a path that begins with \//,
  ],
  [
    'notices of a platform that is logged in to',
    http('  notices: true\n  login: { path: /login, token: /token }\n'),
    /^7: .*cannot be asked with the token of a login/,
  ],
  [
    'a column that no form has',
    http(`${answered}  body:\n    json:\n      r: { $each: records, no: "{data.XK_WHS}" }\n`),
    /^12: .*no form has a column XK_WHS; did you mean XK_WSH\?/,
  ],
  [
    'a record outside of the repeated part',
    http(`${answered}  body: { json: { no: "{rowId}", r: { $each: records, $data: all } } }\n`),
    /^10: .*rowId belongs to one record/,
  ],
  [
    'a template for one record that is sent many',
    http(`${answered}  body: { json: { a: b } }\n`),
    /^10: .*without \$each: records .* batchSize: 1/,
  ],
  [
    'a stray brace',
    http(`${answered}  body: { json: { a: "x{", r: { $each: records, $data: all } } }\n`),
    /^10: .*a stray \{/,
  ],
  [
    'two roots of XML',
    http(`${answered}  body: { xml: { a: { $each: records, $data: all }, b: "" } }\n`),
    /^10: .*exactly one root/,
  ],
  [
    'a name that XML does not know',
    http(`${answered}  body: { xml: { a: { "1b": "", r: { $each: records, $data: all } } } }\n`),
    /^10: .*1b is no XML name/,
  ],
  [
    'an unknown word',
    http(`${answered}  body: { json: { a: { $eval: x }, r: { $each: records, $data: all } } }\n`),
    /^10: .*unknown word \$eval/,
  ],
  [
    'a template without an answer',
    http('  query: none\n  idempotent: true\n  body: { json: { r: { $each: records, $data: all } } }\n'),
    /^9: .*`answer` says/,
  ],
  [
    'nothing to ask and no promise',
    http(
      '  answer: { code: /code, codes: { accepted: ["0"] } }\n  query: none\n  body: { json: { r: { $each: records, $data: all } } }\n',
    ),
    /^8: .*say `idempotent`/,
  ],
  [
    'a token without a login',
    http('  submit: { path: /x, headers: { token: "{token}" } }\n'),
    /^7: platform\.submit\.headers\.token: unknown placeholder \{token\}/,
  ],
  [
    'a login that nobody uses',
    http('  login: { path: /login, token: /t, body: { json: { user: u, password: "${P_PASSWORD}" } } }\n'),
    /^7: .*no header uses \{token\}/,
  ],
  [
    'a password in clear',
    http(
      '  login: { path: /login, token: /t, body: { json: { password: hunter2 } } }\n  submit: { path: /x, headers: { token: "{token}" } }\n',
    ),
    /^7: platform\.login\.body\.json\.password is a secret/,
  ],
  ['a path to another host', http('  submit: { path: "https://evil.example.com/x" }\n'), /^7: .*begins with \//],
  ['a path that means another host', http('  submit: { path: //evil.example.com/x }\n'), /^7: .*begins with \//],
  [
    'an HMAC without secret',
    http('  sign: { use: sorted-params, algorithm: hmac-sm3, params: { t: "{timestamp}" }, as: sign, into: query }\n'),
    /^7: .*hmac-sm3 needs a secret/,
  ],
  [
    'MD5',
    http('  sign: { use: sorted-params, algorithm: md5, params: { t: x }, as: sign, into: query }\n'),
    /^7: .*cannot be "md5"/,
  ],
  [
    'an SM2 key of another length',
    http(
      '  sign: { use: sorted-params, algorithm: sm2, privateKey: "${P_KEY}", params: { t: x }, as: sign, into: query }\n',
    ),
    /^7: .*64 hex digits/,
  ],
  [
    'a certificate that is not there',
    http('  tls: { cert: /nowhere/c.pem, key: /nowhere/k.pem }\n'),
    /^7: platform\.tls: tls\.cert names no readable PEM file$/,
  ],
  ['a pin that is none', http('  tls: { pins: [abc] }\n'), /^7: .*Base64 of a SHA-256/],
  [
    'an issued secret without a key to keep it',
    http(
      '  auth:\n    hmac:\n      { requesterId: r, serviceId: s, secret: "${P_PASSWORD}", refresh: { path: /r, appKey: "${P_KEY}" } }\n',
    ),
    /^9: .*set HUB_SECRET_KEY/,
  ],
  [
    'a front-end database without a table',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { CF_FR: T }\n',
    /^7: platform\.tables: no table for XK_FR$/,
  ],
  [
    'a table that nobody fills',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { XK_FR: T, CF_FR: T2 }\n',
    /^7: platform\.tables\.CF_FR: no form of this job/,
  ],
  [
    'a name with a quote',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { XK_FR: "T`; DROP" }\n',
    /^7: .*letters, digits and underscores/,
  ],
  [
    'a business column used twice',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { XK_FR: T }\n  columns: { op: xk_zt }\n',
    /^8: .*xk_zt is a business column already/,
  ],
  [
    'pins of a database whose driver does not check them',
    '  use: front-database\n  url: sqlite:front.db\n  tables: { XK_FR: T }\n  tls: { pins: ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] }\n',
    /^8: platform\.tls: .*works for mysql and mariadb alone/,
  ],
  [
    'a pin that is none, of a database',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { XK_FR: T }\n  tls: { pins: [abc] }\n',
    /^8: platform\.tls\.pins: must be the Base64/,
  ],
  [
    'a checkpoint without a ledger to hold it',
    '  use: front-database\n  url: ${DB_URL}\n  tables: { XK_FR: T }\n  ledger: none\n  anchor: { column: C }\n',
    /^9: platform\.anchor: .*there is none/,
  ],
  [
    'a database password in clear',
    '  use: front-database\n  url: mysql://u:hunter2@db/x\n  tables: { XK_FR: T }\n',
    /^6: .*no password in clear/,
  ],
])('%s is refused with its line', (_, platform, sentence) => {
  const found = faults(platform);
  expect(found).toContainEqual(expect.stringMatching(sentence));
  expect(found.join()).not.toMatch(/hunter2|canary/);
});

test('HUB_SECRET_KEY is 32 bytes, and is never repeated', () => {
  const wrong = readSettings({ HUB_SECRET_KEY: 'canary-short' }).faults;
  expect(wrong).toMatchObject([{ where: 'HUB_SECRET_KEY' }]);
  expect(JSON.stringify(wrong)).not.toContain('canary');
  for (const good of ['a5'.repeat(32), Buffer.alloc(32, 7).toString('base64')]) {
    expect(readSettings({ HUB_SECRET_KEY: good })).toMatchObject({ faults: [], settings: { secretKey: good } });
  }
});

test('whatever stands where a secret stands is never traced, however its variable is called', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const job = `kind: push\ntitle: { zh: 报送, en: Push }\ntypes: { "licence/*": credit-sharing/licence-2018 }\nplatform: { use: http, url: "\${P_URL}", auth: { bearer: "\${P_WORD}" } }\n`;
  writeFileSync(join(dir, 'push-p.yaml'), job);
  writeFileSync(
    join(dir, 'push-q.yaml'),
    job.replace(/platform: .*/, 'platform: { use: front-database, url: "${DB_URL}", tables: { XK_FR: T } }'),
  );
  const given = { P_URL: 'https://p.example.gov.cn', P_WORD: 'canary-1', DB_URL: 'mysql://u:canary%2D2@db/x' };
  const { secrets } = loadJobs(dir, given, { types, forms });
  expect(secrets.toSorted()).toEqual(['canary%2D2', 'canary-1', 'canary-2']);
});
