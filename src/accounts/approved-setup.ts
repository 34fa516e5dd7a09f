import { SetupError, type SetupFault } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Environment, Settings } from '../settings.ts';
import {
  addConfiguration,
  type ConfigurationRow,
  type HowApproved,
  newestConfiguration,
  packConfiguration,
  readConfiguration,
} from '../store/configurations.ts';
import { type Db, inTransaction, type Reader, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { closeRequest, listRequests, liveRequest, type RequestRow } from '../store/requests.ts';
import { withApprovedCopy } from './approved-copy.ts';
import {
  approvedEnvironment,
  changedItems,
  changedSettings,
  digests,
  filesIn,
  type ItemFolders,
  type Items,
  itemsDigest,
  readItems,
  shownText,
} from './configuration-items.ts';
import { askApproval, isNameless, type Matter, matterDigest, takeApproved } from './requests.ts';

/** Where a set-up came from, and how it is read again from another copy. */
export interface SetupSource<S> {
  readonly env: Environment;
  /** Who started the process, for the log. */
  readonly by: string;
  /** What is wrong with the files as they are; it counts only if they are what is to run. */
  readonly faults: readonly SetupFault[];
  readonly readAgain: (folders: ItemFolders) => { readonly setup: S; readonly faults: readonly SetupFault[] };
}

export interface Guarded<S> {
  readonly settings: Settings;
  /** Values that must be written down nowhere. */
  readonly secrets?: readonly string[];
  /** Files that jobs name, as they were approved, where they are to be used instead of what lies at their paths. */
  readonly approvedFiles?: ReadonlyMap<string, Buffer>;
  readonly source?: SetupSource<S>;
}

/** What waits for a second person. */
export interface Held {
  readonly changed: readonly string[];
  /** The open request; `undefined` where nobody has asked yet. */
  readonly request: number | undefined;
  /** `unclaimed`: nobody stands for it by name yet; `approved`: let in by the next run or start. */
  readonly standing: 'unasked' | 'unclaimed' | 'claimed' | 'approved';
}

const KIND = 'configuration';

/**
 * The set-up that may run (delivery.md §1.1). With HUB_APPROVALS=on jobs, schemas, calendar and settings that differ from the
 * last approved set wait for a second person, and the approved copy in the database runs meanwhile; the first set of all
 * is let in as it is. With approvals off a change is noted, where they were ever on. Throws SetupError for faulty files.
 */
export async function approvedSetup<S extends Guarded<S>>(
  db: Db,
  setup: S,
  now: Date,
): Promise<{ readonly setup: S; readonly held?: Held }> {
  const { settings, source, secrets = [] } = setup;
  if (source === undefined) return { setup };
  const asItIs = (): { readonly setup: S } => {
    if (source.faults.length > 0) throw new SetupError(source.faults);
    return { setup };
  };
  const newest = await newestConfiguration(db, settings.approvals ? 'approved' : 'any');
  if (newest === undefined && !settings.approvals) return asItIs();
  const items = readItems({ ...settings, env: source.env, secrets });
  const digest = itemsDigest(items);
  if (newest?.digest === digest) return asItIs();
  const letIn = async (how: HowApproved): Promise<{ readonly setup: S }> => {
    const good = asItIs();
    await keep(db, items, { how, by: source.by, now, before: newest });
    return good;
  };
  if (newest === undefined) return letIn('initial');
  if (!settings.approvals) return letIn('unguarded');
  const approved = await readConfiguration(db, newest.id);
  const matter = matterOf(approved, items);
  const request = await settle(db, matter, { items, newest, by: source.by, now, sound: source.faults.length === 0 });
  if (request === 'taken') return { setup };
  return { setup: copyOf(setup, source, approved, items), held: heldBy(changedItems(approved, items), request) };
}

/**
 * Right after the second person's yes, so that who looks next sees it: lets the set in if the files here are still those that
 * the request was asked for, and sound. Else the next start or run that finds them so does it. True where it is in force now.
 */
export async function letInApproved<S>(
  db: Db,
  { settings, source, secrets = [] }: Guarded<S>,
  { request, by, now }: { readonly request: RequestRow; readonly by: string; readonly now: Date },
): Promise<boolean> {
  const newest = settings.approvals ? await newestConfiguration(db, 'approved') : undefined;
  if (source === undefined || newest === undefined || source.faults.length > 0) return false;
  const items = readItems({ ...settings, env: source.env, secrets });
  const matter = matterOf(await readConfiguration(db, newest.id), items);
  if (matterDigest(matter) !== request.digest) return false;
  const content = await packConfiguration(items);
  return inTransaction(db, (tx) => takeIn(tx, matter, { items, content, before: newest, by, now }));
}

/** What `hub check` says: changes that wait, without asking for anything. */
export async function heldChanges<S>(
  db: Reader,
  { settings, source, secrets = [] }: Guarded<S>,
): Promise<Held | undefined> {
  const newest = settings.approvals ? await newestConfiguration(db, 'approved') : undefined;
  if (source === undefined || newest === undefined) return undefined;
  const items = readItems({ ...settings, env: source.env, secrets });
  if (newest.digest === itemsDigest(items)) return undefined;
  const approved = await readConfiguration(db, newest.id);
  const request = await liveRequest(db, matterDigest(matterOf(approved, items)));
  return heldBy(changedItems(approved, items), request);
}

const heldBy = (changed: readonly string[], request: RequestRow | undefined): Held => ({
  changed,
  request: request?.id,
  standing: standingOf(request),
});

function standingOf(request: RequestRow | undefined): Held['standing'] {
  if (request === undefined) return 'unasked';
  if (request.state === 'approved') return 'approved';
  return isNameless(request) ? 'unclaimed' : 'claimed';
}

/** What runs now, and what waits, without asking for anything: the approved copy where the files differ from it. */
export async function setupInForce<S extends Guarded<S>>(
  db: Reader,
  setup: S,
): Promise<{ readonly setup: S; readonly held?: Held }> {
  const held = await heldChanges(db, setup);
  const newest = held === undefined ? undefined : await newestConfiguration(db, 'approved');
  const { settings, source, secrets = [] } = setup;
  if (held === undefined || newest === undefined || source === undefined) return { setup };
  const items = readItems({ ...settings, env: source.env, secrets });
  return { setup: copyOf(setup, source, await readConfiguration(db, newest.id), items), held };
}

/** Old and new text of every item that changed; an item that is not there is `undefined`. */
export interface ItemChange {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What a request would let in, as long as the files here are still those that it was asked for; else `undefined`. */
export async function changesBehind<S>(
  db: Reader,
  { settings, source, secrets = [] }: Guarded<S>,
  request: { readonly digest: string },
): Promise<readonly ItemChange[] | undefined> {
  const newest = await newestConfiguration(db, 'approved');
  if (source === undefined || newest === undefined) return undefined;
  const [approved, items] = [
    await readConfiguration(db, newest.id),
    readItems({ ...settings, env: source.env, secrets }),
  ];
  if (matterDigest(matterOf(approved, items)) !== request.digest) return undefined;
  return changedItems(approved, items).map((name) => ({
    name,
    before: shownText(name, approved.get(name)),
    after: shownText(name, items.get(name)),
  }));
}

/** The whole difference, to the letter: digests of every item that changed, and the settings with both values. */
function matterOf(approved: Items, items: Items): Matter {
  const [before, after] = [digests(approved), digests(items)];
  const changes: JsonObject = Object.fromEntries(
    changedItems(approved, items).map((name) => [name, [before[name] ?? null, after[name] ?? null]]),
  );
  return {
    kind: KIND,
    detail: {
      from: itemsDigest(approved),
      to: itemsDigest(items),
      changes,
      settings: changedSettings(approved, items),
    },
  };
}

interface Settling {
  readonly items: Items;
  readonly newest: ConfigurationRow;
  readonly by: string;
  readonly now: Date;
  /** A set with faults is not let in, whoever approved it. */
  readonly sound: boolean;
}

/** Lets the new set in if it was approved, else asks; older questions are no question any more. */
async function settle(
  db: Db,
  matter: Matter,
  { items, newest, by, now, sound }: Settling,
): Promise<'taken' | RequestRow> {
  const content = await packConfiguration(items);
  return inTransaction(db, async (tx) => {
    if (sound && (await takeIn(tx, matter, { items, content, before: newest, by, now }))) return 'taken';
    const digest = matterDigest(matter);
    for (const other of await listRequests(tx, { kind: KIND, states: ['open', 'approved'] })) {
      if (other.digest !== digest) await closeRequest(tx, other.id, 'superseded');
    }
    // Whoever starts the hub is not therefore who changed the files: nobody by name, until somebody claims it.
    return askApproval(tx, { ...matter, by: 'hub', reason: '配置有变 (the set-up changed)', now });
  });
}

/** Uses the approval of this difference up for the set that it is the difference to; false where there is none. */
async function takeIn(tx: Tx, matter: Matter, set: Omit<Entering, 'how' | 'requestId'>): Promise<boolean> {
  const taken = await takeApproved(tx, { ...matter, by: set.by, now: set.now });
  if (taken === undefined) return false;
  await enter(tx, { ...set, how: 'approved', requestId: taken.id });
  return true;
}

async function keep(
  db: Db,
  items: Items,
  { how, by, now, before }: { how: HowApproved; by: string; now: Date; before: ConfigurationRow | undefined },
): Promise<void> {
  const content = await packConfiguration(items);
  await inTransaction(db, async (tx) => {
    // Two processes that start together let the set in once.
    const newest = await newestConfiguration(tx, 'any');
    if (newest?.id !== before?.id && newest?.digest === itemsDigest(items)) return;
    await enter(tx, { items, content, how, by, now, requestId: null, before });
  });
}

interface Entering {
  readonly items: Items;
  readonly content: Uint8Array;
  readonly how: HowApproved;
  readonly by: string;
  readonly now: Date;
  readonly requestId: number | null;
  readonly before: ConfigurationRow | undefined;
}

async function enter(tx: Tx, { items, content, how, by, now, requestId, before }: Entering): Promise<void> {
  const digest = itemsDigest(items);
  await addConfiguration(tx, { digest, how, actor: by, requestId, at: now.toISOString(), content });
  const detail = {
    ...{ how, digest, before: before?.digest ?? null, request: requestId, items: items.size },
    ...(how === 'approved' ? {} : { breakGlass: true }),
  };
  await appendLog(tx, now, [
    { actor: by, action: how === 'unguarded' ? 'configuration.unguarded' : 'configuration.approved', detail },
  ]);
}

function copyOf<S extends Guarded<S>>(setup: S, source: SetupSource<S>, approved: Items, items: Items): S {
  const env = approvedEnvironment(approved, items, source.env);
  const files = filesIn(new Map([...approved].filter(([name, text]) => items.get(name) !== text)));
  const { setup: again, faults } = withApprovedCopy(setup.settings.dataDir, approved, (folders) =>
    source.readAgain({ ...folders, env, files }),
  );
  if (faults.length > 0) throw new SetupError(faults);
  const { jobsDir, schemasDir } = setup.settings;
  return { ...again, settings: { ...again.settings, jobsDir, schemasDir }, approvedFiles: files };
}
