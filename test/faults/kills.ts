import { bureauFiles, type Load, licence, USUAL_LOAD } from './bureau.ts';
import { fileKills } from './file-kills.ts';
import { type End, openRig, type Rig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';
import { type Step, stepReached } from './step-reached.ts';

/** Where kills fell, and how long it took to go on. */
interface Tally {
  readonly kills: { [step: string]: number };
  readonly recoveries: number[];
}

/** A kill at a random moment of every run, most of them between intent and outcome; the next run is the restart. */
export async function randomKills(options: RigOptions, runs: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let seed = options.seed; findings.length < Math.ceil(runs / KILLS_PER_WEEK); seed += 1) {
    const rig = await openRig({ ...options, seed });
    try {
      findings.push(await killedWeek(rig, seed));
    } finally {
      await rig.close();
    }
  }
  return findings;
}

const KILLS_PER_WEEK = 20;
const RUNS_PER_FILE = 3;

async function killedWeek(rig: Rig, seed: number): Promise<Finding> {
  const tally: Tally = { kills: {}, recoveries: [] };
  const files = bureauFiles(USUAL_LOAD);
  let cutOff = false;
  for (let run = 0; count(tally) < KILLS_PER_WEEK; run += 1) {
    if (run % RUNS_PER_FILE === 0) {
      const at = run / RUNS_PER_FILE;
      // After the load has gone out there would be nothing left to interrupt.
      rig.drop(at, files[at] ?? moreRows(at));
    }
    const { whole, firstWordMs } = await rig.run(randomEnd(seed, run));
    if (cutOff && firstWordMs !== undefined) tally.recoveries.push(firstWordMs);
    cutOff = !whole;
    if (cutOff) note(tally, await stepReached(rig));
    // A restart follows a kill at once; work that came to its end waits for the next time.
    rig.pass(whole ? MINUTES : 1000);
  }
  return settle(rig, tally);
}

const count = ({ kills }: Tally): number => Object.values(kills).reduce((all, one) => all + one, 0);

function note({ kills }: Tally, step: Step): void {
  kills[step] = (kills[step] ?? 0) + 1;
}

/** Five of six fall on the wire: at one of the first submits, within the time that an answer takes. */
function randomEnd(seed: number, run: number): End {
  const dice = (seed * 31 + run * 97) % 900;
  if (run % 6 === 5) return { killAfterMs: 300 + dice };
  return { killAtSubmit: { nth: 1 + (dice % 4), afterMs: (seed * 7 + run * 13) % 12 } };
}

const MINUTES = 20 * 60_000;

/** New versions of records that are neither poison nor withdrawn; 50 of them are one batch, 150 leave room for several. */
const moreRows = (state: number): object[] => Array.from({ length: 50 }, (_, index) => licence(index, state + 1, {}));

const POINTS = [
  ...['S0-read', 'S1-kept', 'S2-sealed', 'S3-intent', 'S4-sent', 'S5-answered', 'S6-settled', 'S7-sequenced'],
  ...['S8-remembered', 'S8-signed', 'S10-reported', 'S10-closed'],
];

/** Every failpoint at its first, second, third … pass, until a run comes to its end without having met it. */
export async function failpointLoop(options: RigOptions, runs: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const point of POINTS) findings.push(await loopOver(point, options, runs));
  for (const point of ['S9-part', 'S9-renamed']) findings.push(await fileKills(point, options, runs));
  if (options.freshDatabase === undefined) findings.push(await checkpointKills(options));
  return findings;
}

async function loopOver(point: string, options: RigOptions, runs: number): Promise<Finding> {
  const weekly = point.startsWith('S10');
  const rig = await openRig(weekly ? { ...options, goLive: FIRST_FRIDAY } : options);
  const tally: Tally = { kills: {}, recoveries: [] };
  try {
    for (const [index, rows] of bureauFiles(SMALL_LOAD).entries()) {
      rig.drop(index, rows);
      if (weekly) rig.setClock(fridayMorning(index));
      for (let pass = 1; pass <= runs; pass += 1) {
        if ((await rig.run({ failpoint: `${point}:${pass}` }, weekly ? 'ring' : 'jobs')).whole) break;
        note(tally, point.split('-')[0] as Step);
        rig.pass(MINUTES);
      }
    }
    return await settle(rig, tally);
  } finally {
    await rig.close();
  }
}

const FIRST_FRIDAY = '2026-01-09';
const fridayMorning = (week: number): string =>
  new Date(Date.parse(`${FIRST_FRIDAY}T02:00:00Z`) + week * 7 * 86_400_000).toISOString();

/** S11: in the middle of what moves the write-ahead log into the database file (SQLite). */
async function checkpointKills(options: RigOptions): Promise<Finding> {
  const rig = await openRig(options);
  const tally: Tally = { kills: {}, recoveries: [] };
  try {
    await rig.run();
    for (const [index, rows] of bureauFiles(SMALL_LOAD).entries()) {
      rig.drop(index, rows);
      if (!(await rig.run({ killInCheckpoint: true })).whole) note(tally, 'S11');
      rig.pass(MINUTES);
    }
    return await settle(rig, tally);
  } finally {
    await rig.close();
  }
}

/** Where threads keep the pages of a pull, and read ahead for a push: a long one, killed again and again, far from its beginning. */
export async function longKills(options: RigOptions): Promise<readonly Finding[]> {
  const rig = await openRig(options);
  const tally: Tally = { kills: {}, recoveries: [] };
  try {
    for (const [index, rows] of bureauFiles(LONG_LOAD).entries()) {
      rig.drop(index, rows);
      for (const failpoint of index === 0 ? LATE_POINTS : []) {
        if (!(await rig.run({ failpoint })).whole) note(tally, failpoint.split('-')[0] as Step);
        rig.pass(MINUTES);
      }
      await rig.run();
      rig.pass(MINUTES);
    }
    return [await settle(rig, tally)];
  } finally {
    await rig.close();
  }
}

/** Twelve pages of a file, 240 batches. */
const LONG_LOAD: Load = { records: 12_000, poison: 5, withdrawals: 20, revised: 50 };
const LATE_POINTS = [
  ...['S1-kept:6', 'S0-read:5'],
  ...['S2-sealed:60', 'S3-intent:50', 'S4-sent:40', 'S5-answered:40', 'S6-settled:30'],
];

const SMALL_LOAD: Load = { records: 160, poison: 1, withdrawals: 10, revised: 60 };
