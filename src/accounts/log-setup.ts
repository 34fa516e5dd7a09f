import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { keepSetupDigests, readSetupDigests } from '../store/setup-digests.ts';
import type { Guarded } from './approved-setup.ts';
import { digests, itemsDigest, readItems } from './configuration-items.ts';

/** At every start: what of jobs, schemas, calendar and settings is not what the log last told of, as digests before and after. */
export async function logSetup<S>(db: Db, { settings, source }: Guarded<S>, now: Date): Promise<void> {
  if (source === undefined) return;
  const items = readItems({ ...settings, env: source.env });
  const current = new Map(Object.entries(digests(items)));
  if (changed(await readSetupDigests(db), current).length === 0) return;
  await inTransaction(db, (tx) => tell(tx, current, { by: source.by, whole: itemsDigest(items), now }));
}

async function tell(
  tx: Tx,
  current: ReadonlyMap<string, string>,
  { by, whole, now }: { readonly by: string; readonly whole: string; readonly now: Date },
): Promise<void> {
  const before = await readSetupDigests(tx);
  const names = changed(before, current);
  // Another process of the same start was faster.
  if (names.length === 0) return;
  await keepSetupDigests(tx, current);
  const first = before.size === 0;
  const of = (digestsBy: ReadonlyMap<string, string>) =>
    Object.fromEntries(names.flatMap((name) => (digestsBy.has(name) ? [[name, digestsBy.get(name) ?? '']] : [])));
  const detail = first ? { items: current.size } : { changed: names, before: of(before), after: of(current) };
  await appendLog(tx, now, [
    { actor: by, action: first ? 'setup.first' : 'setup.changed', detail: { whole, ...detail } },
  ]);
}

function changed(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const names = new Set([...before.keys(), ...now.keys()].map((name) => name.slice(0, 128)));
  return [...names].filter((name) => before.get(name) !== now.get(name)).toSorted();
}
