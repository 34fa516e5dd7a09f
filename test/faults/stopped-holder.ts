import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { bureauFiles, type Load } from './bureau.ts';
import { type HubProcess, openRig, type Rig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';

/**
 * F3: a process is stopped (SIGSTOP) in the middle of a delivery, past its lease and past what its requests may take; a second
 * one takes over and delivers; the first one wakes (SIGCONT) and must change nothing any more. Once at each step in doubt.
 */
export async function stoppedHolders(options: RigOptions): Promise<readonly Finding[]> {
  const points = ['S3-intent:2', 'S4-sent:2', 'S5-answered:2'];
  return Promise.all(points.map((point) => stoppedHolder(point, options)));
}

async function stoppedHolder(point: string, options: RigOptions): Promise<Finding> {
  const rig = await openRig(options);
  let holder: HubProcess | undefined;
  try {
    rig.drop(0, bureauFiles(SMALL)[0] ?? []);
    holder = await rig.start({ failpoint: `${point}:SIGSTOP` });
    await untilStopped(holder);
    const tookMs = await takeOver(rig);
    const before = await outbox(rig);
    holder.child.kill('SIGCONT');
    await holder.ended;
    const broken = { ...changedBy(before, await outbox(rig)), ...(await unsaid(rig)) };
    return await settle(rig, { recoveries: [tookMs], broken });
  } finally {
    // A stopped process would outlive a case that failed.
    holder?.child.kill('SIGKILL');
    await rig.close();
  }
}

const SMALL: Load = { records: 160, poison: 1, withdrawals: 10, revised: 60 };

/** The same after `kill -9` on another host: nobody can see that the holder is dead, so its lease must run out. */
export async function otherHost(options: RigOptions): Promise<readonly Finding[]> {
  const rig = await openRig(options);
  try {
    rig.drop(0, bureauFiles(SMALL)[0] ?? []);
    await rig.run({ failpoint: 'S4-sent:2' });
    const tookMs = await takeOver(rig, 'another-host');
    return [await settle(rig, { kills: { S4: 1 }, recoveries: [tookMs] })];
  } finally {
    await rig.close();
  }
}

/** Until the kernel says that the process is stopped. */
async function untilStopped({ child }: HubProcess): Promise<void> {
  while (stateOf(child.pid ?? 0) !== 'T') await sleep(20);
}

/** `T`: stopped (Linux). */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
}

/** As pm2 would start it again and again, until nothing is in doubt; how long that took, ms. */
async function takeOver(rig: Rig, host?: string): Promise<number> {
  const startedAt = performance.now();
  while (await inDoubt(rig)) {
    await rig.run(host === undefined ? {} : { host });
    await sleep(AGAIN_MS);
  }
  return performance.now() - startedAt;
}

/** pm2 waits longer and longer; a minute's ring of the scheduler comes to the same. */
const AGAIN_MS = 5000;

async function inDoubt(rig: Rig): Promise<boolean> {
  const [row] = await rig.rows<{ n: number }>(
    "SELECT COUNT(*) AS n FROM batches WHERE state IN ('SENDING', 'UNKNOWN')",
  );
  return Number(row?.n) > 0;
}

/** Everything that a delivery may change. */
async function outbox(rig: Rig): Promise<string> {
  const batches = await rig.rows('SELECT id, state, attempts, epoch, receipt_id, settled_at FROM batches ORDER BY seq');
  const members = await rig.rows(
    'SELECT idem_key, state, verdict FROM deliveries ORDER BY platform, record_id, version',
  );
  return JSON.stringify([batches, members]);
}

const changedBy = (before: string, after: string): Finding['broken'] =>
  before === after ? {} : { I12: ['the holder that was stopped has written over its successor'] };

/** What came too late is refused and said so. */
async function unsaid(rig: Rig): Promise<Finding['broken']> {
  const said = await rig.rows("SELECT idx FROM log_entries WHERE action = 'batch.stale'");
  return said.length > 0 ? {} : { I12: ['nothing in the log tells that the old holder woke up'] };
}
