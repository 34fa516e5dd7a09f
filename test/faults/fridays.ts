import { bureauFiles, licence, USUAL_LOAD } from './bureau.ts';
import { CASE_OF, FAULTS, type FaultShares } from './fault-shares.ts';
import { type End, openRig, type Rig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';
import { stepReached } from './step-reached.ts';

/**
 * A year of Fridays under a duty, run as `hub serve` runs them: in each week some records change, 5 % of all submits meet one of
 * the faults, every fifth week a process is killed on the wire, and twice nobody is there for a fortnight.
 */
export async function fridays(options: RigOptions, weeks: number): Promise<readonly Finding[]> {
  const rig = await openRig({ ...options, goLive: FIRST });
  const kills: { [step: string]: number } = {};
  const recoveries: number[] = [];
  try {
    await rig.faults(SHARES);
    rig.drop(0, bureauFiles(USUAL_LOAD)[0] ?? []);
    for (let week = 1; week <= weeks; week += 1) {
      rig.drop(week, weekRows(week));
      if (AWAY.includes(week)) continue;
      await oneWeek(rig, week, { kills, recoveries });
    }
    return [await settle(rig, { kills, recoveries })];
  } finally {
    await rig.close();
  }
}

/** 5 % for each fault of the plan, shared by its kinds: three submits of five meet one. */
const SHARES = Object.fromEntries(
  FAULTS.map((fault) => [fault, 0.05 / FAULTS.filter((other) => CASE_OF[other] === CASE_OF[fault]).length]),
) as FaultShares;

/** New Year's holiday: the first Friday is itself one that a rule moves. */
const FIRST = '2026-01-02';
/** Weeks in which the hub is down. */
const AWAY = [17, 18, 33, 34];
const DAY = 86_400_000;

async function oneWeek(
  rig: Rig,
  week: number,
  { kills, recoveries }: { kills: { [step: string]: number }; recoveries: number[] },
): Promise<void> {
  const friday = Date.parse(`${FIRST}T00:00:00Z`) + (week - 1) * 7 * DAY;
  let cutOff = false;
  // 10:00, 14:40 and Monday 09:00 in China: the push, and two retry windows.
  for (const at of [friday + 2 * HOUR, friday + 6.7 * HOUR, friday + 3 * DAY + HOUR]) {
    rig.setClock(new Date(at).toISOString());
    const { whole, firstWordMs } = await rig.run(endOf(week, at === friday + 2 * HOUR), 'ring');
    if (cutOff && firstWordMs !== undefined) recoveries.push(firstWordMs);
    cutOff = !whole;
    if (!cutOff) continue;
    const step = await stepReached(rig);
    kills[step] = (kills[step] ?? 0) + 1;
  }
}

const HOUR = 3_600_000;

const endOf = (week: number, first: boolean): End =>
  first && week % 5 === 0 ? { killAtSubmit: { nth: 1, afterMs: week % 12 } } : {};

const weekRows = (week: number): object[] => [
  ...Array.from({ length: 40 }, (_, index) => licence((week * 7 + index) % 50, week + 1, {})),
  ...(week <= 20 ? [licence(49 + week, week + 1, { withdrawn: true })] : []),
];
