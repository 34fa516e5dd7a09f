import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Rig } from './rig.ts';

/** What the checker says of one run. */
export interface Finding {
  readonly lost: number;
  readonly doubled: number;
  readonly unexpected: number;
  readonly submits: number;
  readonly effects: number;
  /** Entries and signed heads of the exported log that were checked. */
  readonly entries: number;
  readonly heads: number;
  /** Weekly periods that were checked. */
  readonly periods: number;
  readonly broken: { readonly [invariant: string]: readonly string[] };
  /** Where kills fell: step → times. */
  readonly kills: { readonly [step: string]: number };
  /** ms from a restart after a kill until the platform heard of it again, or until the interrupted batch had its result. */
  readonly recoveries: readonly number[];
}

const checker = fileURLToPath(new URL('checker.py', import.meta.url));

/** What the run itself saw; the checker adds the rest. */
type Seen = Partial<Pick<Finding, 'kills' | 'recoveries' | 'broken'>>;

/** Faults stop, queues drain, the checker reads what is left. */
export async function settle(rig: Rig, { kills = {}, recoveries = [], broken = {} }: Seen = {}): Promise<Finding> {
  await rig.faults({});
  await rig.drain();
  await rig.dump();
  const found = check(rig.folder);
  return { ...found, broken: { ...found.broken, ...broken }, kills, recoveries };
}

/** What the checker says of what lies in a folder. */
export function check(folder: string): Omit<Finding, 'kills' | 'recoveries'> {
  const { stdout, stderr } = spawnSync('python3', ['-B', checker, folder], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (stdout === '') throw new Error(`checker.py said nothing: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout) as Omit<Finding, 'kills' | 'recoveries'>;
}
