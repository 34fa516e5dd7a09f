import { parseArgs } from 'node:util';
import { createDatabase, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { type Case, cases, type Finding } from './cases.ts';
import { mutantTrials } from './mutant-trials.ts';

/**
 * `npm run test:faults -- [--case F1,F9] [--db sqlite|mariadb|both] [--seed N] [--runs N] [--no-mutants]`: real processes, a real
 * wire, real kills, and an independent checker. Prints a table: case, runs, lost, doubled, unexpected; exit 1 unless all are 0 and
 * every mutant build was found out.
 */
const { values: options } = parseArgs({
  options: {
    case: { type: 'string' },
    db: { type: 'string', default: mariaDbAvailable ? 'both' : 'sqlite' },
    seed: { type: 'string', default: '20261127' },
    runs: { type: 'string' },
    'no-mutants': { type: 'boolean', default: false },
  },
});

const names = options.case?.split(',');
const chosen = cases.filter(({ name }) => names === undefined || names.includes(name));
const servers = options.db === 'both' ? ['sqlite', 'mariadb'] : [options.db];
let bad = 0;

console.log(`seed ${options.seed}`);
console.log(
  `${'case'.padEnd(6)}${'database'.padEnd(10)}${'runs'.padStart(6)}${'lost'.padStart(7)}${'doubled'.padStart(9)}${'unexpected'.padStart(12)}${'submits'.padStart(9)}  what`,
);
for (const server of servers) await runOn(server);
if (!options['no-mutants'] && names === undefined) bad += await mutantTrials(Number(options.seed));
console.log(bad === 0 ? '\nall kept' : `\n${bad} broken`);
process.exitCode = bad === 0 ? 0 : 1;

async function runOn(server: string): Promise<void> {
  const mariaDb = server === 'mariadb' ? await startMariaDb() : undefined;
  try {
    for (const one of chosen) {
      const database = mariaDb === undefined ? {} : { database: await createDatabase(mariaDb.url) };
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
  console.log(`${name.padEnd(6)}${server.padEnd(10)}${cells.join('')}  ${what}${killsOf(findings)}`);
  for (const [invariant, texts] of broken) console.log(`       ${invariant}: ${texts.join('; ')}`);
}

function killsOf(findings: readonly Finding[]): string {
  const kills = new Map<string, number>();
  for (const { kills: of } of findings)
    for (const [step, times] of Object.entries(of)) kills.set(step, (kills.get(step) ?? 0) + times);
  return kills.size === 0 ? '' : ` (${[...kills].map(([step, times]) => `${step} ${times}`).join(', ')})`;
}
