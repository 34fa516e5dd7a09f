import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { creditCodeCheck, organisationCheck } from '../../src/rules/credit-code.ts';
import { POISON } from './poison.ts';

/** What one fault run is loaded with (faults.md §1). */
export interface Load {
  readonly records: number;
  /** Records that make the platform refuse a whole batch. */
  readonly poison: number;
  /** Records that are withdrawn in the third file. */
  readonly withdrawals: number;
  /** Records that come in three versions. */
  readonly revised: number;
}

export const USUAL_LOAD: Load = { records: 500, poison: 5, withdrawals: 20, revised: 50 };

/** Files that the bureau drops: first everything, then a second, then a third version of some, and the withdrawals. */
export function bureauFiles(load: Load): readonly (readonly object[])[] {
  const numbers = Array.from({ length: load.records }, (_, index) => index);
  const revised = numbers.slice(0, load.revised);
  const withdrawn = numbers.slice(load.revised, load.revised + load.withdrawals);
  return [
    numbers.map((number) => licence(number, 1, { poison: isPoison(number, load) })),
    revised.map((number) => licence(number, 2, {})),
    [
      ...revised.map((number) => licence(number, 3, {})),
      ...withdrawn.map((number) => licence(number, 2, { withdrawn: true })),
    ],
  ];
}

/** Spread over what is neither revised nor withdrawn, so that no batch holds so many that the mapping must be wrong. */
function isPoison(number: number, { records, poison, revised, withdrawals }: Load): boolean {
  const first = revised + withdrawals;
  const every = Math.floor((records - first) / poison);
  return number >= first && (number - first) % every === 0 && (number - first) / every < poison;
}

/** One row as the bureau writes it; the text of `content` tells number and state, so that anyone can check what arrived. */
export function licence(
  number: number,
  state: number,
  { poison = false, withdrawn = false }: { readonly poison?: boolean; readonly withdrawn?: boolean },
): object {
  return {
    id: `row-${number}`,
    number: `（桂）印证字第${450_000_000 + number}号`,
    name: `南宁试验第${number}印务有限公司`,
    code: creditCode(number),
    person: '试验',
    content: `第${number}条第${state}次${poison ? POISON : ''}`,
    from: '2025-01-06',
    until: '2030-01-05',
    status: withdrawn ? 'revoked' : 'valid',
    ...(withdrawn ? { ended: '2025-11-20' } : {}),
    revised: `2025-11-10 08:${String(Math.floor(state / 60)).padStart(2, '0')}:${String(state % 60).padStart(2, '0')}`,
  };
}

function creditCode(number: number): string {
  const body = `MA${String(number).padStart(6, '0')}`;
  const front = `91450100${body}${organisationCheck(body)}`;
  return front + creditCodeCheck(front);
}

/** Puts a finished file into the folder; its name tells its order. */
export function drop(folder: string, index: number, rows: readonly object[]): void {
  const text = rows.map((row) => JSON.stringify(row)).join('\n');
  const name = `${String(index + 1).padStart(4, '0')}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.ndjson`;
  writeFileSync(join(folder, `.${name}`), `${text}\n`);
  renameSync(join(folder, `.${name}`), join(folder, name));
}
