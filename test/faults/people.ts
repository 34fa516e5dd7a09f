import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { bureauFiles, type Load } from './bureau.ts';
import { openRig, type Rig, type RigOptions } from './rig.ts';
import { type Finding, settle } from './settle.ts';

const LOAD: Load = { records: 160, poison: 1, withdrawals: 10, revised: 60 };
const PLATFORM = 'faults';
/** The bureau's number of a record that is held back for a while. */
const HELD = '（桂）印证字第450000100号';

/**
 * I19: people pause, hold, release and resume while it is pulled and pushed, and others try what is not theirs. What each tried is
 * written down here; the checker looks for it in the log, and whether whoever did it held the role then.
 */
export async function people(options: RigOptions): Promise<readonly Finding[]> {
  const rig = await openRig(options);
  try {
    await arrive(rig, 'chief', 'sysadmin --first');
    await arrive(rig, 'wei', 'operator', 'chief');
    await arrive(rig, 'lin', 'viewer', 'chief');
    for (const [index, rows] of bureauFiles(LOAD).entries()) {
      rig.drop(index, rows);
      await underRun(rig);
      rig.pass(20 * 60_000);
    }
    return [await settle(rig)];
  } finally {
    await rig.close();
  }
}

/** One run, and what people do meanwhile and after it. */
async function underRun(rig: Rig): Promise<void> {
  const running = await rig.start();
  await act(rig, 'wei', `pause --platform ${PLATFORM} --reason 核对`, 'platform.paused');
  await act(rig, 'lin', `resume --platform ${PLATFORM} --reason 顺便`, 'access.denied');
  await act(rig, 'chief', `hold ${HELD} --reason 顺便`, 'access.denied');
  await running.ended;
  await act(rig, 'wei', `hold ${HELD} --reason 核对`, 'record.held');
  await act(rig, 'wei', `resume --platform ${PLATFORM} --reason 已核对`, 'platform.resumed');
  await rig.run();
  await act(rig, 'wei', `release ${HELD} --reason 已核对`, 'record.released');
}

/** A command, and what the log must hold about it. */
async function act(rig: Rig, as: string, words: string, action: string): Promise<void> {
  const { code } = await rig.command(words, { as });
  const denied = action === 'access.denied';
  if ((code === 0) === denied) throw new Error(`hub ${words} of ${as} ended with ${code}`);
  const line = { actor: `user:${as}`, action };
  tried.set(rig, [...(tried.get(rig) ?? []), line]);
  const times = (tried.get(rig) ?? []).filter((one) => one.actor === line.actor && one.action === action).length;
  appendFileSync(join(rig.folder, 'tried.jsonl'), `${JSON.stringify({ ...line, times })}\n`);
}

const tried = new WeakMap<Rig, readonly { readonly actor: string; readonly action: string }[]>();

/** Added by the administrator, with a password of their own, and logged in. */
async function arrive(rig: Rig, name: string, role: string, by?: string): Promise<void> {
  const added = await rig.command(
    `user add ${name} --role ${role} --reason 到岗 --json`,
    by === undefined ? {} : { as: by },
  );
  const { token } = JSON.parse(added.out) as { readonly token: string };
  const password = randomBytes(12).toString('hex');
  const set = await rig.command(`user password ${name} --password-stdin`, { input: `${token}\n${password}\n` });
  const login = await rig.command(`login --user ${name} --password-stdin`, { input: `${password}\n` });
  if (set.code !== 0 || login.code !== 0) throw new Error(`${name} could not log in`);
}
