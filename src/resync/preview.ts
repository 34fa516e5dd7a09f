import { createHash } from 'node:crypto';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { type Render, render } from '../push/render.ts';
import { rendering, renderPlan } from '../push/rendering.ts';
import type { Reissue } from '../store/reissues.ts';
import { type Candidate, resyncCandidates } from '../store/resync-candidates.ts';
import { heldRecords } from '../store/stops.ts';
import { chosenTypes, type Selection, spanOf } from './selection.ts';
import { type Standing, standingOf } from './standing.ts';

/** Records per standing; `faulty`: would go to quarantine instead. */
export type PreviewCounts = { readonly [S in Standing | 'faulty']: number };

export interface Preview {
  readonly counts: PreviewCounts;
  /** Records that would be sent, in the order of their ids. */
  readonly recordIds: readonly number[];
  /** Those of them that need a new rendition: refused before, or wanted again. */
  readonly reissues: readonly Reissue[];
  /** Reissues whose content is not what this platform was sent of that version (delivery.md I8). */
  readonly otherContent: number;
  /** Lower-case hex SHA-256 over record key, version, rendition and payload of everything that would be sent. */
  readonly digest: string;
  /** The first few of each standing, for the person who decides. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly standing: Standing | 'faulty';
  readonly recordKey: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly version: number;
  readonly rendition: number;
}

const PAGE = 1000;
const EXAMPLES = 10;

/** What a resync would send, per record, with the mapping of now; reads only. `ids`: only these records. */
export async function preview(
  hub: Hub,
  job: PushJob,
  { selection, ids }: { readonly selection: Selection; readonly ids: readonly number[] | undefined },
): Promise<Preview> {
  const context = await renderContext(hub, job);
  const sum = newSum();
  for (let from = 0; from < (ids?.length ?? 1); from += PAGE) {
    await previewAmong(hub, { selection, ids: ids?.slice(from, from + PAGE), context, sum });
  }
  const { hash, ...preview } = sum;
  return { ...preview, digest: hash.digest('hex') };
}

interface Among {
  readonly selection: Selection;
  readonly ids: readonly number[] | undefined;
  readonly context: Context;
  readonly sum: Sum;
}

async function previewAmong({ db, settings }: Hub, { selection, ids, context, sum }: Among): Promise<void> {
  const query = {
    platform: selection.platform,
    types: chosenTypes(selection.types, context.taken),
    failedOnly: selection.failedOnly,
    ...spanOf(selection, settings.timezone),
    ...(ids === undefined ? {} : { ids }),
  };
  for (let afterId = -1; ; ) {
    const rows = await resyncCandidates(db, { ...query, afterId, limit: PAGE });
    for (const row of rows) note(row, selection, context, sum);
    if (rows.length < PAGE) return;
    afterId = rows.at(-1)?.id ?? afterId;
  }
}

interface Context extends Render {
  readonly taken: readonly string[];
  /** Records under an emergency stop. */
  readonly stopped: ReadonlySet<number>;
}

async function renderContext(hub: Hub, job: PushJob): Promise<Context> {
  const render = rendering(await renderPlan(hub, job), hub);
  return {
    ...render,
    taken: [...render.fullState, ...render.everyVersion],
    stopped: await heldRecords(hub.db, job.platformName),
  };
}

interface Sum {
  readonly counts: { [S in Standing | 'faulty']: number };
  readonly recordIds: number[];
  readonly reissues: Reissue[];
  readonly examples: Example[];
  readonly hash: ReturnType<typeof createHash>;
  otherContent: number;
}

const newSum = (): Sum => ({
  counts: { new: 0, changed: 0, withdrawn: 0, failed: 0, unchanged: 0, underWay: 0, held: 0, notShown: 0, faulty: 0 },
  recordIds: [],
  reissues: [],
  examples: [],
  hash: createHash('sha256'),
  otherContent: 0,
});

function note(row: Candidate, { again, failedOnly }: Selection, context: Context, sum: Sum): void {
  const standing = barred(row, context) ?? standingOf(row, row.told);
  // A record that was refused once and stands well by now is none of what failed.
  if (failedOnly && standing !== 'failed' && standing !== 'held') return;
  const repeated = standing === 'failed' || (again && standing === 'unchanged');
  if (repeated || standing === 'new' || standing === 'changed' || standing === 'withdrawn') {
    order(row, { standing, repeated }, context, sum);
  } else count(row, standing, 1, sum);
}

/** What must not leave now whatever the platform has of it. */
function barred({ id, operation, suppressed }: Candidate, { stopped }: Context): Standing | undefined {
  if (stopped.has(id)) return 'held';
  return suppressed && operation === 'UPSERT' ? 'notShown' : undefined;
}

/** A record that would be sent, if the platform's form takes it. */
function order(
  row: Candidate,
  { standing, repeated }: { readonly standing: Standing; readonly repeated: boolean },
  context: Context,
  sum: Sum,
): void {
  const told = row.told.filter(({ version }) => version === row.version);
  const rendition = repeated ? Math.max(0, ...told.map((one) => one.rendition)) + 1 : 1;
  const rendered = render({ ...row, rendition }, context);
  if (rendered.fate !== 'member') {
    count(row, rendered.fate === 'ticket' ? 'faulty' : 'notShown', rendition, sum);
    return;
  }
  count(row, standing, rendition, sum);
  const { payloadHash, recordKey } = rendered.member;
  sum.recordIds.push(row.id);
  sum.hash.update(`${recordKey} ${row.version} ${rendition} ${payloadHash}\n`);
  if (!repeated) return;
  sum.reissues.push({ recordId: row.id, version: row.version, rendition });
  if (told.some((one) => one.payloadHash !== payloadHash)) sum.otherContent += 1;
}

function count(row: Candidate, standing: Standing | 'faulty', rendition: number, { counts, examples }: Sum): void {
  counts[standing] += 1;
  if (counts[standing] > EXAMPLES) return;
  const { key, number, name, version } = row;
  examples.push({ standing, recordKey: key.toString('hex'), number, name, version, rendition });
}
