import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DIRTY_CASES, generate, type Made } from '../../src/sandbox/generator.ts';

const options = { seed: 'test', today: '2026-11-24', licences: 600, penalties: 120, enterprises: 300 };
const all = (over: object = {}): Made[] => [...generate({ ...options, ...over })];

/** GB 32100 by its definition: the sum over value × 3^i of the first 17, plus the check character, is a multiple of 31. */
function isCreditCode(code: string): boolean {
  const values = [...code].map((character) => '0123456789ABCDEFGHJKLMNPQRTUWXY'.indexOf(character));
  const sum = values.reduce((total, value, i) => total + value * (i === 17 ? 1 : Number(3n ** BigInt(i) % 31n)), 0);
  return values.length === 18 && !values.includes(-1) && sum % 31 === 0;
}

/** GB 11714: the weighted body plus the check value (X = 10) is a multiple of 11. */
function isOrganisationCode(code: string): boolean {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2, 1];
  const value = (character: string, i: number): number =>
    i === 8 && character === 'X' ? 10 : Number.parseInt(character, 36);
  return weights.reduce((total, weight, i) => total + weight * value(code.charAt(i), i), 0) % 11 === 0;
}

/** GB 11643: ISO 7064 MOD 11-2. */
function isCitizenId(id: string): boolean {
  const value = (character: string): number => (character === 'X' ? 10 : Number(character));
  return [...id].reduce((total, character, i) => total + value(character) * 2 ** (17 - i), 0) % 11 === 1;
}

describe('the generator', () => {
  it('makes the same records from the same seed and others from another', () => {
    expect(all()).toEqual(all());
    expect(all({ seed: 'other' })).not.toEqual(all());
  });

  it('makes as many records of each kind as asked for', () => {
    const counts = Object.groupBy(all(), ({ kind }) => kind);
    expect(counts.broadcast).toHaveLength(300);
    expect(counts.publication).toHaveLength(150);
    expect(counts.printing).toHaveLength(150);
    expect(counts.penalty).toHaveLength(120);
    expect(counts.enterprise).toHaveLength(300);
  });

  it('gives clean records codes with right check characters', () => {
    const codes = all({ dirty: 0 }).map(({ row }) => row['tyshxydm'] ?? row['uniscid'] ?? '');
    const given = codes.filter((code) => code !== '');
    expect(given.length).toBeGreaterThan(950);
    expect(given.filter((code) => !isCreditCode(code) || !isOrganisationCode(code.slice(8, 17)))).toEqual([]);
  });

  it('gives natural persons id numbers with right check characters', () => {
    const ids = all({ dirty: 0 }).flatMap(({ row }) => (row['zjhm'] ? [row['zjhm']] : []));
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((id) => !isCitizenId(id))).toEqual([]);
  });

  it('gives every enterprise its own code and lets licences be held by them', () => {
    const made = all({ dirty: 0 });
    const registered = new Set(made.filter(({ kind }) => kind === 'enterprise').map(({ row }) => row['uniscid']));
    expect(registered.size).toBe(300);
    const held = made.filter(({ row }) => row['tyshxydm']);
    expect(held.filter(({ row }) => !registered.has(row['tyshxydm'] ?? ''))).toEqual([]);
  });

  it('lets every dirty case occur, at every desk that knows it', () => {
    const seen = new Set(all().map(({ kind, dirty }) => `${kind} ${dirty}`));
    const wanted = DIRTY_CASES.flatMap(({ label, kinds }) => kinds.map((kind) => `${kind} ${label}`));
    expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
  });

  it('has a case for each chapter of the catalogue, 10.1 to 10.18', () => {
    const chapters = new Set(DIRTY_CASES.map(({ label }) => /^10\.(\d+)-/.exec(label)?.[1]));
    expect(Array.from({ length: 18 }, (_, i) => String(i + 1)).filter((chapter) => !chapters.has(chapter))).toEqual([]);
  });

  it('is described case by case in the documentation, with what is expected', () => {
    const lines = readFileSync('docs/sandbox.md', 'utf8').split('\n');
    const told = ({ label, outcome, zh }: (typeof DIRTY_CASES)[number]): boolean =>
      lines.some((line) => line.startsWith(`| ${label} |`) && line.includes(zh) && line.includes(`| ${outcome}`));
    expect(DIRTY_CASES.filter((dirty) => !told(dirty)).map(({ label }) => label)).toEqual([]);
  });

  it('spoils what it labels: a dirty row differs from the row that its bureau would correct it to', () => {
    const clean = all({ dirty: 0 });
    const same = all().filter(
      ({ dirty, row }, i) =>
        dirty !== undefined && !dirty.startsWith('10.5') && JSON.stringify(row) === JSON.stringify(clean[i]?.row),
    );
    expect(same.map(({ dirty }) => dirty)).toEqual([]);
  });

  it('numbers penalties after the bureau of their day, which was split at the end of 2018', () => {
    const penalties = all({ dirty: 0 }).filter(({ kind }) => kind === 'penalty');
    for (const { row } of penalties) {
      const prefix =
        (row['jdrq'] ?? '') < '2018-12-01' ? /^桂新广罚字〔201[78]〕\d+号$/ : /^桂(?:广电罚|新出罚字)〔20\d\d〕\d+号$/;
      expect(row['jdsh']).toMatch(prefix);
      expect(row['jdsh']).toContain(`〔${row['jdrq']?.slice(0, 4)}〕`);
    }
  });

  it('makes no record that was decided after today', () => {
    const late = all({ dirty: 0 }).filter(({ row }) => (row['jdrq'] ?? '') >= options.today);
    expect(late).toEqual([]);
  });
});
