import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadJobs } from '../../src/job/job-file.ts';
import { loadSchemas } from '../../src/schema/schema.ts';

const { types, forms } = loadSchemas(join(import.meta.dirname, '../../schemas')).schemas;

function faultsOf(platform: string): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const text = `kind: push
title: { zh: 报送, en: Push }
platform:
${platform.trim().replaceAll(/^/gm, '  ')}
types: { "licence/*": credit-sharing/licence-2018 }
`;
  writeFileSync(join(dir, 'push-files.yaml'), text);
  return loadJobs(dir, { PASSWORD: 'canary', KEY: 'k'.repeat(64) }, { types, forms }).faults.map(
    ({ line, en }) => `${line}: ${en}`,
  );
}

const SFTP = `use: sftp
url: sftp://files.example.gov.cn:22
login: { user: hub, password: "\${PASSWORD}" }
hostKey: SHA256:${'A'.repeat(43)}
folder: /in`;

test('an sftp platform needs no more than where, who, which key and the folder', () => {
  expect(faultsOf(SFTP)).toEqual([]);
  expect(faultsOf(SFTP.replace('password: "${PASSWORD}"', 'keyFile: /etc/hub/key'))).toEqual([]);
});

test.each([
  ['url: sftp://files.example.gov.cn:22', 'url: https://files.example.gov.cn', /^5: platform\.url: write sftp:/],
  ['url: sftp://files.example.gov.cn:22', 'url: sftp://hub:x@files.example.gov.cn', /^5: platform\.url: no user name/],
  ['password: "${PASSWORD}"', 'password: secret', /^6: platform\.login\.password is a secret/],
  [`SHA256:${'A'.repeat(43)}`, 'aa:bb:cc', /^7: platform\.hostKey: must be a fingerprint/],
  ['folder: /in', 'folder: /in/../etc', /^8: platform\.folder: no \.\./],
  ['folder: /in', 'folder: /in\nfileName: "{platform}.zip"', /^9: platform\.fileName: must hold \{batch_id8\}/],
  ['folder: /in', 'folder: /in\nfileName: "../{batch_id8}.zip"', /^9: platform\.fileName: letters, digits/],
  ['folder: /in', 'folder: /in\nfileName: "{batch_id8}_{who}.zip"', /^9: platform\.fileName: only \{platform\}/],
  ['folder: /in', 'folder: /in\ntemporarySuffix: .ok', /^9: platform\.temporarySuffix: write a suffix/],
  ['folder: /in', 'folder: /in\nreceiptFoldr: /ack', /^9: unknown key platform\.receiptFoldr; did you mean/],
])('a wrong sftp platform is refused with its line: %s → %s', (from, to, fault) => {
  const faults = faultsOf(SFTP.replace(from, to));
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(fault);
});

test.each([
  ['folder: data/upload', []],
  ['folder: data/upload\nfileName: "{batch_id8}.xls"', [/^6: platform\.fileName: must end with \.xlsx/]],
  ['notes: [说明]', [/^4: platform\.folder is missing/]],
  ['folder: data/upload\nreceipt: { lists: some }', [/^6: platform\.receipt\.lists cannot be "some"/]],
  ['folder: data/upload\nconcurency: 3', [/^6: unknown key platform\.concurency; did you mean/]],
])('an excel platform: %s', (text, faults) => {
  const found = faultsOf(`use: excel\n${text}`);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toMatch(fault);
});
