import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import type { PullJob } from '../job/job.ts';
import { rulesOf } from '../job/rules-of.ts';
import { compileMapping } from '../mapping/mapping.ts';
import { type Candidate, type Judge, prepare, subjectOfRecord } from '../pull/read-row.ts';
import type { Source } from '../source.ts';
import { type HeldRow, heldAfter, heldNames, keepHeld } from '../store/held-records.ts';
import { type LibraryRecord, libraryAfter } from '../store/library-pages.ts';
import { openSubjects } from '../store/quarantine.ts';
import type { Difference } from '../store/reconciliations.ts';
import { type Comparison, handfuls, mergeByKey, paged } from './compare.ts';
import { openTally, type Tally } from './tally.ts';

export interface BureauComparison {
  readonly hub: Hub;
  readonly id: number;
  readonly job: PullJob;
  readonly source: Source;
  readonly signal: AbortSignal;
  readonly keep: (differences: readonly Difference[]) => Promise<void>;
}

const ROWS = 500;
const NO_KEY: Buffer = Buffer.alloc(0);

/**
 * Bureau ↔ library: everything that the bureau has is read, mapped and checked as a pull would, and compared without writing a
 * version. `missing`: the bureau has it, the library lacks it; `stale`: other content; `extra`: live in the library and no longer
 * at the bureau, which never means withdrawal by itself. Rows that wait in quarantine are no differences.
 */
export async function compareBureau(context: BureauComparison): Promise<Comparison> {
  await keepSnapshot(context);
  const counts = { missing: 0, extra: 0, stale: 0, moving: 0 };
  const tally = openTally();
  for await (const some of handfuls(judged(context, tally), ROWS)) {
    context.signal.throwIfAborted();
    const differences = await withoutQuarantined(context, some);
    for (const { state } of differences) counts[state] += 1;
    await context.keep(differences.map(({ subject: _, ...difference }) => difference));
  }
  return { ...counts, groups: tally.groups() };
}

async function keepSnapshot({ hub, id, job, source, signal }: BureauComparison): Promise<void> {
  const judge = judgeOf(hub, job);
  for await (const page of source.pages(undefined, { signal, now: hub.now })) {
    signal.throwIfAborted();
    const { candidates, tickets } = prepare(page.rows, judge);
    const sound = candidates
      .toSorted(byRevision)
      .map(({ keyHex, operation, digest }) => ({ name: keyHex, recordKey: keyHex, operation, digest }));
    const waiting = tickets.map(({ subject }) => ({ name: waitingName(subject), operation: 'UPSERT' as const }));
    for (const rows of [sound, waiting] satisfies HeldRow[][])
      for (let from = 0; from < rows.length; from += ROWS)
        await keepHeld(hub.db, id, rows.slice(from, from + ROWS), 'last');
  }
}

/** Oldest first, so that the newest state of a record is the one that is kept. */
const byRevision = (a: Candidate, b: Candidate): number =>
  (a.revisedAt ?? '').localeCompare(b.revisedAt ?? '') || a.rowNo - b.rowNo;

function judgeOf(hub: Hub, job: PullJob): Judge {
  const type = hub.types.get(job.type);
  if (type === undefined) {
    throw new HubError('JOB_WRONG', `没有记录类型 ${job.type} (no such record type)`, {
      remedy: 'give-up',
      fix: '用 hub check 查看 (see hub check)',
    });
  }
  const rules = rulesOf(job, hub.schemasDigest);
  return { job, type, rules, map: compileMapping(job.mapping), today: hub.localDate(hub.now()) };
}

const waitingName = (subject: Buffer): string => `q${sha256(subject)}`;

interface Found extends Difference {
  /** What a ticket about this record would be about. */
  readonly subject: Buffer | undefined;
}

async function* judged(context: BureauComparison, tally: Tally): AsyncGenerator<Found> {
  const { hub, id, job } = context;
  const library = paged(
    NO_KEY,
    (after) => libraryAfter(hub.db, job.name, { after, limit: ROWS }),
    ({ key }) => key,
  );
  const listed = paged(
    NO_KEY,
    (after) => heldAfter(hub.db, id, after, ROWS),
    ({ recordKey = '' }) => Buffer.from(recordKey, 'hex'),
  );
  const keyed = (async function* () {
    for await (const row of listed) yield { ...row, key: Buffer.from(row.recordKey ?? '', 'hex') };
  })();
  for await (const [record, row] of mergeByKey(library, keyed)) {
    const found = judge(context, record, row);
    addUp(tally, job.type, record, row);
    if (found !== undefined) yield found;
  }
}

function judge(
  { hub, job }: BureauComparison,
  record: LibraryRecord | undefined,
  row: HeldRow | undefined,
): Found | undefined {
  const base = { period: undefined, heldVersion: undefined, type: job.type };
  if (record === undefined) {
    if (row === undefined || row.operation === 'WITHDRAW') return undefined;
    const name = row.recordKey ?? row.name;
    return {
      ...base,
      name,
      state: 'missing',
      cause: 'absent',
      recordId: undefined,
      version: undefined,
      subject: undefined,
    };
  }
  const known = { ...base, name: record.key.toString('hex'), recordId: record.id, version: record.version };
  const subject = record.sourceRef ?? subjectFor(hub, job, record);
  if (row !== undefined)
    return row.digest === record.digest ? undefined : { ...known, state: 'stale', cause: 'content', subject };
  const listable = record.operation === 'UPSERT' && !record.replaced && isWhole(job);
  return listable ? { ...known, state: 'extra', cause: 'unknown', subject } : undefined;
}

/** Files that are no snapshots are gone from the folder when they were tidied away: absence tells nothing there. */
const isWhole = ({ source }: PullJob): boolean => source.use !== 'files' || source.snapshot === true;

function subjectFor({ types }: Hub, job: PullJob, { number, name }: LibraryRecord): Buffer {
  const everyVersion = types.get(job.type)?.everyVersion ?? false;
  return subjectOfRecord({ everyVersion }, job, number ?? undefined, name ?? undefined);
}

function addUp(tally: Tally, type: string, record: LibraryRecord | undefined, row: HeldRow | undefined): void {
  const key = record?.key.toString('hex') ?? row?.recordKey ?? '';
  const live = record !== undefined && record.operation === 'UPSERT' && !record.replaced;
  const ours = live ? { key, version: 0, payloadHash: record.digest } : undefined;
  const theirs = row?.operation === 'UPSERT' ? { key, version: 0, payloadHash: row.digest } : undefined;
  if (ours !== undefined || theirs !== undefined) tally.add({ type, period: null }, ours, theirs);
}

/** A row that the bureau has and that does not fit is known already, or will be by the next pull: its ticket stands open. */
async function withoutQuarantined({ hub, id }: BureauComparison, found: readonly Found[]): Promise<Found[]> {
  const subjects = found.flatMap(({ subject }) => subject ?? []);
  const waiting = await heldNames(hub.db, id, subjects.map(waitingName));
  const ticketed = await openSubjects(hub.db, subjects);
  const isKnown = (subject: Buffer): boolean =>
    waiting.has(waitingName(subject)) || ticketed.has(subject.toString('hex'));
  return found.filter(({ subject }) => subject === undefined || !isKnown(subject));
}
