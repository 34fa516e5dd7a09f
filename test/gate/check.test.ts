import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'hub-gate-'));
  for (const name of [
    'package.json',
    'tsconfig.json',
    'biome.json',
    'test',
    'ecosystem.config.js',
    'schemas',
    'jobs',
  ]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});

beforeEach(() => {
  rmSync(join(copy, 'src'), { recursive: true, force: true });
  cpSync(join(root, 'src'), join(copy, 'src'), { recursive: true });
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function gate(step: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout } = spawnSync(process.execPath, ['test/gate/check.ts', step], { cwd: copy, encoding: 'utf8' });
  return { status, said: stdout };
}

const plant = (file: string, text: string): void => writeFileSync(join(copy, file), text, { flag: 'a' });

test('the house as it stands passes the import rules and has no dead code', () => {
  expect(gate('imports')).toMatchObject({ status: 0, said: expect.stringContaining('✓ imports') });
  expect(gate('dead code')).toMatchObject({ status: 0, said: expect.stringContaining('✓ dead code') });
});

test('an upward import is found, even of a type', () => {
  plant('src/planted-rule.ts', "import type { Knex } from './store/database.ts';\nexport type Planted = Knex;\n");
  const { status, said } = gate('imports');
  expect(status).toBe(1);
  expect(said).toContain('src/planted-rule.ts: floor 1 imports src/store/database.ts of floor 2');
});

test('a circle is found', () => {
  plant('src/planted-hen.ts', "import { egg } from './planted-egg.ts';\nexport const hen = (): unknown => egg;\n");
  plant('src/planted-egg.ts', "import { hen } from './planted-hen.ts';\nexport const egg = (): unknown => hen;\n");
  const { status, said } = gate('imports');
  expect(status).toBe(1);
  expect(said).toContain('src/planted-egg.ts: circle src/planted-egg.ts → src/planted-hen.ts → src/planted-egg.ts');
});

test('a dead export is found', () => {
  plant('src/record.ts', '\nexport const plantedForNobody = 1;\n');
  const { status, said } = gate('dead code');
  expect(status).toBe(1);
  expect(said).toMatch(/plantedForNobody.*src\/record\.ts/);
});

test('a sandbox that knows a protocol of the hub is found', () => {
  plant('src/sources/planted-protocol.ts', 'export const signed = 1;\n');
  plant('src/sandbox/planted-player.ts', "export { signed } from '../sources/planted-protocol.ts';\n");
  const { status, said } = gate('imports');
  expect(status).toBe(1);
  expect(said).toContain('src/sandbox/planted-player.ts: the sandbox imports src/sources/planted-protocol.ts');
});

test('a folder that stands on no floor is found', () => {
  plant('src/planted-utils.ts', '');
  cpSync(join(copy, 'src', 'store'), join(copy, 'src', 'utils'), { recursive: true });
  expect(gate('imports').said).toMatch(/src\/utils\/\S+: its folder stands on no floor/);
});

test('a loose type, code made from text and a promise nobody waits for are found', () => {
  const lines = ['const later = async (): Promise<number> => 1;', 'export const planted = (x: any): unknown => {'];
  plant('src/planted-lint.ts', `${[...lines, '  later();', '  return eval(x);', '};'].join('\n')}\n`);
  const { status, said } = gate('lint and format');
  expect(status).toBe(1);
  for (const rule of ['noExplicitAny', 'noGlobalEval', 'noFloatingPromises'])
    expect(said).toMatch(new RegExp(`src/planted-lint.*${rule}`));
});
