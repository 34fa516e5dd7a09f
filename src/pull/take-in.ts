import { type Fault, isError } from '../fault.ts';
import { contentDigest } from '../record.ts';
import type { Tx } from '../store/database.ts';
import { countIntake, type IntakeCounts, openIntake } from '../store/intakes.ts';
import {
  appendVersions,
  earlierContents,
  markRaw,
  moveSourceRef,
  type Newest,
  type NewVersion,
  newestByKey,
  newestBySourceRef,
  readVersion,
} from '../store/library.ts';
import { mend, quarantine, type Ticket } from '../store/quarantine.ts';
import { type Known, rawMark } from './known-rows.ts';
import type { PageHead } from './prepared-pages.ts';
import {
  type Candidate,
  isOfSameJob,
  type JobOfRows,
  type Prepared,
  rowTwinFault,
  ticketOf,
  twinFault,
} from './read-row.ts';

/** What taking in a page needs besides the page. */
export interface TakeIn {
  readonly job: JobOfRows;
  /** `Judge.rules`. */
  readonly rules: Buffer;
  readonly now: Date;
  readonly runId: number;
  /** False lets the hot path skip looking for tickets to close. */
  readonly ticketsOpen: boolean;
  /** A person stands behind these rows: a content that went back to an older state is kept. */
  readonly vouched?: boolean;
}

export interface Taken {
  readonly counts: IntakeCounts;
  /** Fault code → rows, for the run's report. */
  readonly faults: ReadonlyMap<string, number>;
}

/** One page in one transaction: versions, tickets, intake counts. The caller adds the cursor. */
export async function takeIn(tx: Tx, page: PageHead, prepared: Prepared & Known, context: TakeIn): Promise<Taken> {
  const intakeId = await openIntake(tx, {
    job: context.job.name,
    runId: context.runId,
    externalId: page.externalId,
    sha256: page.sha256,
    now: context.now,
  });
  const tickets = prepared.tickets.map((ticket) => ({ ...ticket, intakeId }));
  let accepted = 0;
  let unchanged = prepared.sameRows;
  for (const round of rounds(prepared)) {
    const decided = await decide(tx, round, prepared, context);
    await appendVersions(tx, intakeId, decided.versions, context.now);
    accepted += decided.versions.length - decided.withdrawn;
    unchanged += decided.unchanged;
    tickets.push(...decided.tickets.map((ticket) => ({ ...ticket, intakeId })));
  }
  if (context.ticketsOpen) await mendSound(tx, prepared, tickets, context.now);
  await quarantine(tx, tickets, context.now);
  const counts = { accepted, unchanged, quarantined: tickets.length };
  await countIntake(tx, intakeId, counts, page.endOfIntake);
  return { counts, faults: countCodes(tickets) };
}

/** Splits so that a record, and a row id of the bureau, stands at most once in a round, in the bureau's order of revision. */
function rounds({ candidates, twice }: Prepared): readonly (readonly Candidate[])[] {
  if (!twice) return [candidates];
  const seen = new Map<string, number>();
  const split: Candidate[][] = [[]];
  for (const candidate of inRevisionOrder(candidates)) {
    const names = namesOf(candidate);
    const round = Math.max(...names.map((name) => seen.get(name) ?? 0));
    for (const name of names) seen.set(name, round + 1);
    const same = split[round] ?? [];
    same.push(candidate);
    split[round] = same;
  }
  return split;
}

/** Record and row id, by which two rows of a page can mean the same. */
const namesOf = ({ keyHex, sourceRef }: Candidate): string[] =>
  sourceRef === undefined ? [keyHex] : [keyHex, `row ${sourceRef.toString('latin1')}`];

/** Where the bureau says when, oldest first; else each in its place. */
const inRevisionOrder = (candidates: readonly Candidate[]): readonly Candidate[] =>
  candidates.toSorted((a, b) => (a.revisedAt ?? '').localeCompare(b.revisedAt ?? '') || a.rowNo - b.rowNo);

interface Decided {
  readonly versions: readonly NewVersion[];
  /** Versions among them that withdraw a replaced record: no row of the page stands for them. */
  readonly withdrawn: number;
  readonly unchanged: number;
  readonly tickets: readonly Ticket[];
}

async function decide(
  tx: Tx,
  round: readonly Candidate[],
  { sameIds, textsOf }: Prepared & Known,
  context: TakeIn,
): Promise<Decided> {
  const newest = await newestByKey(
    tx,
    round.map(({ identity }) => identity.key),
  );
  const changed = round.filter((candidate) => newest.get(candidate.keyHex)?.digest !== candidate.digest);
  const bySource = await newestBySourceRef(
    tx,
    changed.flatMap(({ sourceRef }) => sourceRef ?? []),
  );
  const earlier = await earlierContents(tx, undatedChanges(changed, newest));
  const elsewhere = movedRecords(round, newest);
  const versions: NewVersion[] = [];
  const refused: [Candidate, Fault][] = [];
  let withdrawn = 0;
  for (const candidate of changed) {
    const known = newest.get(candidate.keyHex);
    const before = candidate.sourceRef === undefined ? undefined : bySource.get(candidate.sourceRef.toString('latin1'));
    const replaced = before === undefined || before.id === known?.id || elsewhere.has(before.id) ? undefined : before;
    const fault = context.vouched ? undefined : backward(candidate, { known, replaced, earlier, sameIds });
    if (fault !== undefined) {
      refused.push([candidate, fault]);
      continue;
    }
    if (replaced !== undefined && replaced.operation !== 'WITHDRAW') {
      versions.push(await withdrawal(tx, replaced, candidate, context));
      withdrawn += 1;
    }
    versions.push(toVersion(candidate, known, replaced?.id, context));
  }
  await followMoved(tx, round, newest, context);
  await rememberRaw(tx, round, newest, context);
  const texts = refused.length === 0 ? [] : await textsOf(refused.map(([{ rowNo }]) => rowNo));
  const tickets = refused.map(([candidate, fault], index) =>
    ticketOf(candidate, fault, { job: context.job, text: texts[index] }),
  );
  return { versions, withdrawn, unchanged: round.length - changed.length, tickets };
}

/** Records that now come from another row of the same bureau: its row ids were given out anew. */
function movedRecords(round: readonly Candidate[], newest: ReadonlyMap<string, Newest>): ReadonlySet<number> {
  const moved = new Set<number>();
  for (const candidate of round) {
    const known = newest.get(candidate.keyHex);
    if (known !== undefined && isMoved(candidate, known)) moved.add(known.id);
  }
  return moved;
}

const isMoved = ({ sourceRef }: Candidate, { sourceRef: before }: Newest): boolean =>
  sourceRef !== undefined && before !== undefined && !before.equals(sourceRef) && isOfSameJob(before, sourceRef);

/** An unchanged record follows its row, so that a later change of that row is not taken for a corrected key of another record. */
async function followMoved(
  tx: Tx,
  round: readonly Candidate[],
  newest: ReadonlyMap<string, Newest>,
  { rules }: TakeIn,
): Promise<void> {
  for (const candidate of round) {
    const known = newest.get(candidate.keyHex);
    if (known?.digest !== candidate.digest || candidate.sourceRef === undefined || !isMoved(candidate, known)) continue;
    await moveSourceRef(tx, known.id, { ref: candidate.sourceRef, raw: rawMark(rules, candidate.rawDigest) });
  }
}

/** After a change of rules the rows are unchanged all the same: next time their bytes alone will tell. */
async function rememberRaw(
  tx: Tx,
  round: readonly Candidate[],
  newest: ReadonlyMap<string, Newest>,
  { rules }: TakeIn,
): Promise<void> {
  for (const { keyHex, digest, rawDigest, sourceRef } of round) {
    const known = newest.get(keyHex);
    if (sourceRef === undefined || known?.digest !== digest || known.raw?.subarray(0, 8).equals(rules)) continue;
    await markRaw(tx, known.id, rawMark(rules, rawDigest));
  }
}

/** Records whose source says no revision time and whose content is new: is it an older state come back? */
const undatedChanges = (changed: readonly Candidate[], newest: ReadonlyMap<string, Newest>): number[] =>
  changed.flatMap(({ keyHex, revisedAt }) => (revisedAt === undefined ? (newest.get(keyHex)?.id ?? []) : []));

interface Before {
  /** Newest state of the same record. */
  readonly known: Newest | undefined;
  /** Record under the key that the same row had before. */
  readonly replaced: Newest | undefined;
  readonly earlier: ReadonlySet<string>;
  readonly sameIds: ReadonlySet<number>;
}

/** Older never overwrites newer on the way in (delivery.md §1.1), neither the record itself nor the one it replaces. */
function backward(candidate: Candidate, { known, replaced, earlier, sameIds }: Before): Fault | undefined {
  const { revisedAt, digest } = candidate;
  for (const [before, twin] of [
    [known, twinFault],
    [replaced, rowTwinFault],
  ] as const) {
    if (before === undefined) continue;
    if (sameIds.has(before.id) && !isLater(revisedAt, before.revisedAt)) return twin;
    if (isLater(before.revisedAt, revisedAt)) return staleFault(revisedAt ?? '', before.revisedAt ?? '');
  }
  return revisedAt === undefined && earlier.has(`${known?.id}/${digest}`) ? revertedFault : undefined;
}

const isLater = (revisedAt: string | undefined, than: string | undefined): boolean =>
  revisedAt !== undefined && than !== undefined && revisedAt > than;

const toVersion = (
  candidate: Candidate,
  known: Newest | undefined,
  predecessorId: number | undefined,
  { job, rules }: TakeIn,
): NewVersion => ({
  known,
  key: candidate.identity.key,
  type: job.type,
  authority: candidate.identity.authority,
  job: job.name,
  number: candidate.identity.number,
  name: candidate.identity.name,
  creditCode: candidate.identity.creditCode,
  sourceRef: candidate.sourceRef,
  operation: candidate.operation,
  body: candidate.content,
  digest: Buffer.from(candidate.digest, 'hex'),
  rawDigest: Buffer.from(candidate.rawDigest, 'hex'),
  rawMark: candidate.sourceRef === undefined ? undefined : rawMark(rules, candidate.rawDigest),
  revisedAt: candidate.revisedAt,
  rowNo: candidate.rowNo,
  faults: candidate.remarks,
  predecessorId,
});

/** A corrected key field: the record under the old key is withdrawn first, then the new one is kept, linked. */
async function withdrawal(tx: Tx, replaced: Newest, candidate: Candidate, context: TakeIn): Promise<NewVersion> {
  const old = await readVersion(tx, replaced.id, replaced.version);
  if (old === undefined) throw new Error(`record ${replaced.id} has no version ${replaced.version}`);
  return {
    ...toVersion(candidate, replaced, undefined, context),
    key: old.record_key,
    authority: old.authority,
    number: old.number ?? undefined,
    name: old.name ?? undefined,
    creditCode: old.credit_code ?? undefined,
    sourceRef: undefined,
    operation: 'WITHDRAW',
    body: old.body,
    digest: Buffer.from(contentDigest('WITHDRAW', old.body), 'hex'),
    rawMark: undefined,
    faults: undefined,
  };
}

/** A sound row closes what stood open for it, unless the same page quarantines it again. */
async function mendSound(
  tx: Tx,
  { candidates, sameRefs }: Prepared & Known,
  tickets: readonly Ticket[],
  now: Date,
): Promise<void> {
  const again = new Set(tickets.map(({ subject }) => subject.toString('hex')));
  const sound = [...sameRefs, ...candidates.map(({ subject }) => subject)].filter(
    (subject) => !again.has(subject.toString('hex')),
  );
  await mend(tx, sound, now);
}

function countCodes(tickets: readonly Ticket[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { faults } of tickets) {
    for (const code of new Set(faults.filter(isError).map((fault) => fault.code)))
      counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return counts;
}

const whole = (fault: Omit<Fault, 'path' | 'level'>): Fault => ({ ...fault, level: 'error', path: '' });

const revertedFault = whole({
  code: 'RECORD_REVERTED',
  zh: '内容与该记录较早的版本相同，来源又没有修改时间：可能是旧数据重传；请核实后用 hub quarantine retry 放行，或由处室重新提交',
  en: 'the content equals an earlier version and the source gives no revision time: perhaps old data sent again; verify, then release it with hub quarantine retry',
});

const staleFault = (revisedAt: string, known: string): Fault =>
  whole({
    code: 'RECORD_STALE',
    zh: `修改时间 ${revisedAt} 早于库中版本的 ${known}，旧数据不覆盖新数据；如确应以此为准，请处室以新的修改时间重新提交`,
    en: `revised at ${revisedAt}, but the library holds ${known}: older never overwrites newer; submit it again with a new revision time if it is right`,
  });
