import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createDatabase, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { type Case, cases } from './cases.ts';
import { checkerTrials } from './checker-trials.ts';
import { modelHistories } from './model-histories.ts';
import { mutantTrials } from './mutant-trials.ts';
import type { Finding } from './settle.ts';
import { IN_DOUBT } from './step-reached.ts';

/**
 * `npm run test:faults -- [F1 F9 mutants …] [--db sqlite|mariadb|both] [--seed N] [--runs N] [--no-mutants]`: real processes, a real
 * wire, real kills, and an independent checker. Prints a table: case, runs, lost, doubled, unexpected, and where kills fell; exit 1
 * unless all are 0 and every mutant build was found out.
 */
const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    db: { type: 'string', default: mariaDbAvailable ? 'both' : 'sqlite' },
    seed: { type: 'string', default: '20261127' },
    runs: { type: 'string' },
    'no-mutants': { type: 'boolean', default: false },
  },
});

const chosen = cases.filter(({ name }) => names.length === 0 || names.includes(name));
const servers = options.db === 'both' ? ['sqlite', 'mariadb'] : [options.db];
/** Of the random kills (faults.md §1). */
const IN_DOUBT_PERCENT = 70;
let bad = 0;

console.log(`seed ${options.seed}`);
console.log(
  `${'case'.padEnd(6)}${'database'.padEnd(10)}${'runs'.padStart(6)}${'lost'.padStart(7)}${'doubled'.padStart(9)}${'unexpected'.padStart(12)}${'submits'.padStart(9)}  what`,
);
for (const server of servers) await runOn(server);
const seed = Number(options.seed);
if ((names.length === 0 || names.includes('F51')) && !modelHistories(seed)) bad += 1;
if (!options['no-mutants'] && (names.length === 0 || names.includes('mutants'))) {
  bad += await mutantTrials(seed);
  bad += await checkerTrials({ seed, effect: 'once-per-key' });
}
// Evidence packs and the log at full size: programs of their own, which measure.
if (names.length === 0) for (const program of ['packs.ts', 'log.ts']) bad += measured(program) ? 0 : 1;
console.log(bad === 0 ? '\nall kept' : `\n${bad} broken`);
process.exitCode = bad === 0 ? 0 : 1;

async function runOn(server: string): Promise<void> {
  const mariaDb = server === 'mariadb' ? await startMariaDb() : undefined;
  try {
    for (const one of chosen) {
      const database = mariaDb === undefined ? {} : { freshDatabase: () => createDatabase(mariaDb.url) };
      report(
        one,
        server,
        await one.run(
          { seed: Number(options.seed), effect: 'once-per-key', ...database },
          Number(options.runs ?? one.runs),
        ),
      );
    }
  } finally {
    await mariaDb?.stop();
  }
}

function report({ name, what }: Case, server: string, findings: readonly Finding[]): void {
  const sum = (of: (one: Finding) => number): number => findings.reduce((all, one) => all + of(one), 0);
  const [lost, doubled, unexpected] = [sum((one) => one.lost), sum((one) => one.doubled), sum((one) => one.unexpected)];
  const broken = findings.flatMap((one) => Object.entries(one.broken));
  if (broken.length > 0) bad += 1;
  const cells = [
    String(findings.length).padStart(6),
    String(lost).padStart(7),
    String(doubled).padStart(9),
    String(unexpected).padStart(12),
    String(sum((one) => one.submits)).padStart(9),
  ];
  console.log(`${name.padEnd(6)}${server.padEnd(10)}${cells.join('')}  ${what}`);
  const share = inDoubtShare(killsIn(findings));
  if (name === 'F1' && share < IN_DOUBT_PERCENT) {
    bad += 1;
    console.log(
      `       only ${share} % of the kills fell between intent and outcome; ${IN_DOUBT_PERCENT} % are wanted`,
    );
  }
  for (const line of [killsOf(findings), recoveryOf(findings), checkedOf(sum)])
    if (line !== '') console.log(`       ${line}`);
  for (const [invariant, texts] of broken) console.log(`       ${invariant}: ${texts.join('; ')}`);
}

function killsIn(findings: readonly Finding[]): ReadonlyMap<string, number> {
  const kills = new Map<string, number>();
  for (const { kills: of } of findings)
    for (const [step, times] of Object.entries(of)) kills.set(step, (kills.get(step) ?? 0) + times);
  return kills;
}

function allOf(kills: ReadonlyMap<string, number>): number {
  return [...kills.values()].reduce((all, one) => all + one, 0);
}

function inDoubtShare(kills: ReadonlyMap<string, number>): number {
  const inDoubt = IN_DOUBT.reduce((total, step) => total + (kills.get(step) ?? 0), 0);
  return Math.round((100 * inDoubt) / Math.max(1, allOf(kills)));
}

/** Kills per step of the protocol, and how many of them left a batch in doubt or a transaction open. */
function killsOf(findings: readonly Finding[]): string {
  const kills = killsIn(findings);
  if (kills.size === 0) return '';
  const steps = [...kills].toSorted(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));
  const each = steps.map(([step, times]) => `${step} ${times}`).join(', ');
  return `kills ${allOf(kills)}: ${each}; between intent and outcome ${inDoubtShare(kills)} %`;
}

function recoveryOf(findings: readonly Finding[]): string {
  const took = findings.flatMap(({ recoveries }) => recoveries).toSorted((a, b) => a - b);
  if (took.length === 0) return '';
  const seconds = (at: number): string => `${((took.at(at) ?? 0) / 1000).toFixed(1)} s`;
  return `recovered after ${took.length} kills: median ${seconds(Math.floor(took.length / 2))}, longest ${seconds(-1)}`;
}

function checkedOf(sum: (of: (one: Finding) => number) => number): string {
  const [entries, heads] = [sum((one) => one.entries), sum((one) => one.heads)];
  const [periods, effects] = [sum((one) => one.periods), sum((one) => one.effects)];
  return `checked: ${entries} log entries, ${heads} signed heads, ${periods} periods, ${effects} effects`;
}

function measured(program: string): boolean {
  return spawnSync(process.execPath, [join(import.meta.dirname, program)], { stdio: 'inherit' }).status === 0;
}
