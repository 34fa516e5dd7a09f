import { bureauFiles, type Load, USUAL_LOAD } from './bureau.ts';
import { CASE_OF, FAULTS, type FaultShares } from './fault-shares.ts';
import { fridays } from './fridays.ts';
import { failpointLoop, longKills, randomKills } from './kills.ts';
import { people } from './people.ts';
import { openRig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';
import { otherHost, stoppedHolders } from './stopped-holder.ts';

export interface Case {
  /** As in the fault plan: F1 … F52. */
  readonly name: string;
  readonly what: string;
  readonly run: (options: RigOptions, runs: number) => Promise<readonly Finding[]>;
  /** Runs in the long suite. */
  readonly runs: number;
}

/** The usual load in three files, each pulled and pushed under the same faults. */
async function week(options: RigOptions, shares: FaultShares, load: Load = USUAL_LOAD): Promise<Finding> {
  const rig = await openRig(options);
  try {
    await rig.faults(shares);
    for (const [index, rows] of bureauFiles(load).entries()) {
      rig.drop(index, rows);
      await rig.run();
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
  run: async (options) => [await week(options, { [fault]: 0.5 })],
}));

export const cases: readonly Case[] = [
  { name: 'F1', what: 'kill -9 at random moments', runs: 200, run: randomKills },
  { name: 'F2', what: 'kill -9 at every failpoint, pass by pass', runs: 12, run: failpointLoop },
  { name: 'F2L', what: 'kill -9 in a long pull and push, which threads work at', runs: 1, run: longKills },
  { name: 'F3', what: 'the holder is stopped past its lease, then wakes', runs: 1, run: stoppedHolders },
  { name: 'F3', what: 'kill -9, and another host takes over', runs: 1, run: otherHost },
  ...platformFaults,
  {
    name: 'F24',
    what: 'poison among 500, whole batches refused',
    runs: 1,
    run: async (options) => [await week(options, {}, { ...USUAL_LOAD, poison: 12 })],
  },
  { name: 'I19', what: 'people pause, hold and resume; others try to', runs: 1, run: people },
  { name: 'F52', what: '52 Fridays, every fault now and then', runs: 52, run: fridays },
];
