import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bureauFiles, type Load, licence, USUAL_LOAD } from './bureau.ts';
import { CASE_OF, FAULTS, type FaultShares } from './fault-shares.ts';
import { type End, openRig, type Rig, type RigOptions } from './rig.ts';

/** What the checker says of one run. */
export interface Finding {
  readonly lost: number;
  readonly doubled: number;
  readonly unexpected: number;
  readonly submits: number;
  readonly effects: number;
  readonly broken: { readonly [invariant: string]: readonly string[] };
  /** Where kills fell: step → times. */
  readonly kills: { readonly [step: string]: number };
}

export interface Case {
  /** As in the fault plan: F1 … F52. */
  readonly name: string;
  readonly what: string;
  readonly run: (options: RigOptions, runs: number) => Promise<readonly Finding[]>;
  /** Runs in the long suite. */
  readonly runs: number;
}

const checker = fileURLToPath(new URL('checker.py', import.meta.url));

/** Faults stop, queues drain, the checker reads what is left. */
export async function settle(rig: Rig, kills: Finding['kills'] = {}): Promise<Finding> {
  await rig.faults({});
  await rig.drain();
  await rig.dump();
  const { stdout, stderr } = spawnSync('python3', [checker, rig.folder], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (stdout === '') throw new Error(`checker.py said nothing: ${stderr.slice(-2000)}`);
  return { ...(JSON.parse(stdout) as Omit<Finding, 'kills'>), kills };
}

/** The usual load in three files, each pulled and pushed under the same faults and ends. */
async function week(options: RigOptions, shares: FaultShares, end: (index: number) => End, load: Load = USUAL_LOAD) {
  const rig = await openRig(options);
  try {
    await rig.faults(shares);
    for (const [index, rows] of bureauFiles(load).entries()) {
      rig.drop(index, rows);
      await rig.run(end(index));
      rig.pass(MINUTES);
    }
    return await settle(rig);
  } finally {
    await rig.close();
  }
}

const MINUTES = 20 * 60_000;

/** One case per fault of the platform: half of all submits meet it. */
const platformFaults: readonly Case[] = FAULTS.map((fault) => ({
  name: CASE_OF[fault],
  what: `half of all submits: ${fault}`,
  runs: 1,
  run: async (options) => [await week(options, { [fault]: 0.5 }, () => ({}))],
}));

function* seeds(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed += 1) yield seed;
}

/** A kill at a random moment of every run, most of them between intent and outcome. */
async function randomKills(options: RigOptions, runs: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const seed of seeds(options.seed, Math.ceil(runs / KILLS_PER_WEEK))) {
    const rig = await openRig({ ...options, seed });
    const kills: { [step: string]: number } = {};
    try {
      const files = bureauFiles(USUAL_LOAD);
      for (let kill = 0; kill < KILLS_PER_WEEK; kill += 1) {
        const rows = files[kill / 3];
        if (rows !== undefined) rig.drop(kill / 3, rows);
        const onWire = kill % 4 !== 3;
        // After the load has gone out there would be nothing left to interrupt.
        if (kill >= files.length * 3) rig.drop(kill, moreRows(kill));
        const end = onWire
          ? { killAfterSubmitMs: (seed * 7 + kill * 13) % 25 }
          : { killAfterMs: 350 + ((seed * 31 + kill * 97) % 900) };
        const whole = await rig.run(end);
        const step = whole ? 'came to its end' : onWire ? 'between intent and outcome' : 'anywhere';
        kills[step] = (kills[step] ?? 0) + 1;
        rig.pass(MINUTES);
      }
      findings.push(await settle(rig, kills));
    } finally {
      await rig.close();
    }
  }
  return findings;
}

const KILLS_PER_WEEK = 20;

/** New versions of records that are neither poison nor withdrawn. */
const moreRows = (kill: number): object[] => Array.from({ length: 50 }, (_, index) => licence(index, kill, {}));

const POINTS = ['S0-read', 'S1-kept', 'S2-sealed', 'S3-intent', 'S4-sent', 'S5-answered', 'S6-settled'] as const;

/** Every failpoint at its first, second, third … pass, until a run comes to its end without having met it. */
async function failpointLoop(options: RigOptions, runs: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const point of POINTS) {
    const rig = await openRig(options);
    const kills: { [step: string]: number } = {};
    try {
      for (const [index, rows] of bureauFiles(SMALL_LOAD).entries()) {
        rig.drop(index, rows);
        for (let pass = 1; pass <= runs; pass += 1) {
          if (await rig.run({ failpoint: `${point}:${pass}` })) break;
          kills[point] = (kills[point] ?? 0) + 1;
          rig.pass(MINUTES);
        }
      }
      findings.push(await settle(rig, kills));
    } finally {
      await rig.close();
    }
  }
  return findings;
}

const SMALL_LOAD: Load = { records: 160, poison: 1, withdrawals: 10, revised: 60 };

/** Fifty-two weeks; in each some records change and 5 % of all submits meet each of several faults. */
async function fridays(options: RigOptions, weeks: number): Promise<readonly Finding[]> {
  const rig = await openRig(options);
  try {
    await rig.faults(Object.fromEntries(FAULTS.map((fault) => [fault, 0.05 / 2])) as FaultShares);
    rig.drop(0, bureauFiles(USUAL_LOAD)[0] ?? []);
    for (let week = 1; week <= weeks; week += 1) {
      rig.drop(week, weekRows(week));
      await rig.run(week % 5 === 0 ? { killAfterSubmitMs: week % 20 } : {});
      rig.pass(WEEK);
    }
    return [await settle(rig)];
  } finally {
    await rig.close();
  }
}

const WEEK = 7 * 86_400_000;

const weekRows = (week: number): object[] => [
  ...Array.from({ length: 40 }, (_, index) => licence((week * 7 + index) % 50, week + 1, {})),
  ...(week <= 20 ? [licence(49 + week, week + 1, { withdrawn: true })] : []),
];

export const cases: readonly Case[] = [
  { name: 'F1', what: 'kill -9 at random moments', runs: 200, run: randomKills },
  { name: 'F2', what: 'kill -9 at every failpoint, pass by pass', runs: 12, run: failpointLoop },
  ...platformFaults,
  {
    name: 'F24',
    what: 'poison among 500, whole batches refused',
    runs: 1,
    run: async (options) => [await week(options, {}, () => ({}), { ...USUAL_LOAD, poison: 12 })],
  },
  { name: 'F52', what: '52 Fridays, every fault now and then', runs: 52, run: fridays },
];
