import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadJobs } from '../../src/job/job-file.ts';
import { loadSchemas } from '../../src/schema/schema.ts';
import { certificate } from '../support/certificate.ts';

const root = join(import.meta.dirname, '../..');
const { types, forms } = loadSchemas(join(root, 'schemas')).schemas;

interface Example {
  readonly page: string;
  readonly name: string;
  readonly text: string;
}

/** Every yaml block whose first line names a job file, in README and docs/. */
const examples: readonly Example[] = ['README.md', ...globSync('docs/*.md', { cwd: root })].flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/```yaml\n# jobs\/([a-z0-9-]+\.yaml)\n([^`]*)```/g)].map(
    ([, name = '', text = '']) => ({ page, name, text }),
  ),
);

const { cert, key } = certificate();

/** A value for every variable that an example names, of the kind that the end of its name promises. */
const SAMPLES: readonly (readonly [ending: RegExp, value: string])[] = [
  [/TRUST/, 'ab'.repeat(65)],
  [/HOST_KEY$/, `SHA256:${'A'.repeat(43)}`],
  [/HOST$/, 'platform.example.gov.cn'],
  [/DATABASE_URL$/, 'mysql://hub:secret@db.example.gov.cn:3306/front'],
  [/URL$/, 'https://platform.example.gov.cn'],
  [/TLS_(CERT|CA)$/, cert],
  [/TLS_KEY$/, key],
  [/APP_KEY$/, '0123456789abcdef'],
];

const sampleFor = (name: string): string => SAMPLES.find(([ending]) => ending.test(name))?.[1] ?? 'ab'.repeat(32);

test('there are examples to check', () => {
  expect(examples.length).toBeGreaterThan(2);
});

test.each(examples)('the job $name in $page passes hub check', ({ name, text }) => {
  const dir = mkdtempSync(join(tmpdir(), 'hub-jobs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, name), text);
  const variables = [...text.matchAll(/\$\{([A-Z0-9_]+)\}/g)].map(([, variable = '']) => variable);
  const named = Object.fromEntries(variables.map((variable) => [variable, sampleFor(variable)]));
  const env = { ...named, HUB_SECRET_KEY: sampleFor('HUB_SECRET_KEY') };
  expect(loadJobs(dir, env, { types, forms }).faults).toEqual([]);
});
