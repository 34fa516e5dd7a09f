import { cpSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { provenBefore } from '../../src/cli/proven-before.ts';
import type { JsonObject } from '../../src/json.ts';
import { loadSchemas } from '../../src/schema/schema.ts';
import { temporaryFolder } from '../support/databases.ts';

const TODAY = '2026-11-24';

/** A copy of schemas/ and a memory that is still empty. */
function bundle() {
  const [dir, cache] = [temporaryFolder(), join(temporaryFolder(), 'proven')];
  cpSync(join(import.meta.dirname, '../../schemas'), dir, { recursive: true });
  const edit = (from: string, to: string): void => {
    const file = join(dir, 'licence/printing.json');
    const before = readFileSync(file, 'utf8');
    expect(before).toContain(from);
    writeFileSync(file, before.replace(from, to));
  };
  return { dir, cache, edit, load: (today = TODAY) => loadSchemas(dir, today, provenBefore(cache)) };
}

test('what was proven is remembered by the next start, once for each day', () => {
  const { cache, load } = bundle();
  expect(load().faults).toEqual([]);
  const [proof] = readdirSync(cache);
  expect(load().faults).toEqual([]);
  expect(readdirSync(cache)).toEqual([proof]);
  expect(load('2026-11-25').faults).toEqual([]);
  expect(readdirSync(cache)).toHaveLength(2);
});

test('a schema that changed after its folder was proven is judged again, and what is wrong is never remembered', () => {
  const { cache, edit, load } = bundle();
  expect(load().faults).toEqual([]);
  edit('"fault": "FIELD_DATE_WRONG"', '"fault": "FIELD_MISSING"');
  for (const { faults } of [load(), load()]) {
    expect(faults).toMatchObject([{ where: expect.stringContaining('printing.json'), line: expect.any(Number) }]);
  }
  expect(readdirSync(cache)).toHaveLength(1);
});

test('schemas that were not judged again find the same faults in records', () => {
  const { dir, load } = bundle();
  load();
  const record: JsonObject = { number: '（桂）印证字第1号', validFrom: '2026-13-01', status: 'valid', extra: 1 };
  const codes = ({ schemas }: ReturnType<typeof load>) =>
    schemas.types.get('licence/printing')?.check(structuredClone(record), { today: TODAY }) ?? [];
  expect(codes(load()).length).toBeGreaterThan(2);
  expect(codes(load())).toEqual(codes(loadSchemas(dir, TODAY)));
});

test('proofs of earlier days go, and a program folder that cannot be written to stops nothing', () => {
  const { cache, dir, load } = bundle();
  load();
  writeFileSync(join(cache, 'old'), '');
  utimesSync(join(cache, 'old'), 0, 0);
  load('2026-11-25');
  expect(readdirSync(cache)).not.toContain('old');
  const blocked = join(dir, 'authorities.json', 'cache');
  expect(loadSchemas(dir, TODAY, provenBefore(blocked)).faults).toEqual([]);
});
