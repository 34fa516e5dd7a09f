import { sha256Bytes } from '../canonical.ts';
import type { Reader, Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { countWrong, isLocked, lockUntil } from '../store/login-tries.ts';

const TRIES_PER_ACCOUNT = 5;
const TRIES_PER_ADDRESS = 20;
const LOCK_MS = 15 * 60_000;

const subject = (...parts: readonly string[]): Buffer => sha256Bytes(JSON.stringify(parts));

function subjectsOf(name: string, origin: string): { readonly subject: Buffer; readonly most: number }[] {
  if (origin === 'host') return [{ subject: subject('host', name), most: TRIES_PER_ACCOUNT }];
  return [
    { subject: subject('elsewhere', name), most: TRIES_PER_ACCOUNT },
    { subject: subject('address', origin), most: TRIES_PER_ADDRESS },
  ];
}

/** What one try counts against. */
export const subjectsFrom = (name: string, origin: string): Buffer[] =>
  subjectsOf(name, origin).map(({ subject: counted }) => counted);

/** True while too many wrong passwords for this account, or from this address, lie less than 15 minutes back. */
export const isLockedOut = (
  db: Reader,
  { name, origin, now }: { readonly name: string; readonly origin: string; readonly now: Date },
): Promise<boolean> => isLocked(db, subjectsFrom(name, origin), now.toISOString());

/** Everything that may lock an account. */
export const accountSubjects = (name: string): Buffer[] => [subject('host', name), subject('elsewhere', name)];

/** One more wrong password in a row; the fifth locks. */
export async function countAgainst(
  tx: Tx,
  {
    name,
    origin,
    actor,
    now,
  }: { readonly name: string; readonly origin: string; readonly actor: string; readonly now: Date },
): Promise<void> {
  for (const { subject: counted, most } of subjectsOf(name, origin)) {
    if ((await countWrong(tx, counted, now.toISOString())) < most) continue;
    await lockUntil(tx, counted, new Date(now.getTime() + LOCK_MS).toISOString());
    await appendLog(tx, now, [{ actor, action: 'login.locked', detail: { origin } }]);
  }
}
