import { canonicalJson, sha256Bytes } from './canonical.ts';
import { at, type Fault, isError } from './fault.ts';
import type { PullJob } from './job.ts';
import type { Json, JsonObject } from './json.ts';
import { readTimestamp } from './legal-date.ts';
import type { Mapping } from './mapping.ts';
import { contentDigest, type Operation, type UnifiedRecord } from './record.ts';
import type { Identity, SearchTerms, UnifiedType } from './schema.ts';
import type { Page, RawRow } from './source.ts';
import type { Tx } from './store/database.ts';
import { countIntake, type IntakeCounts, openIntake } from './store/intakes.ts';
import {
  appendVersions,
  earlierContents,
  type Newest,
  newestByKey,
  newestBySourceRef,
  type NewVersion,
  readVersion,
} from './store/library.ts';
import { mend, quarantine, subjectOf, type Ticket } from './store/quarantine.ts';

/** What taking in a page needs besides the page. */
export interface TakeIn {
  readonly job: PullJob;
  readonly type: UnifiedType;
  readonly map: Mapping;
  /** Local date `YYYY-MM-DD`: decisions of tomorrow are faults. */
  readonly today: string;
  readonly now: Date;
  readonly runId: number;
  /** False lets the hot path skip looking for tickets to close. */
  readonly ticketsOpen: boolean;
  /** A person stands behind these rows: a content that went back to an older state is kept. */
  readonly vouched?: boolean;
}

/** A row that maps and checks: what the library may keep as a version. */
interface Candidate {
  readonly row: RawRow;
  readonly record: UnifiedRecord;
  readonly identity: Identity;
  readonly keyHex: string;
  readonly digest: string;
  readonly operation: Operation;
  readonly revisedAt: string | undefined;
  readonly subject: Buffer;
  readonly sourceRef: Buffer | undefined;
  readonly remarks: readonly Fault[];
}

export interface Taken {
  readonly counts: IntakeCounts;
  /** Fault code → rows, for the run's report. */
  readonly faults: ReadonlyMap<string, number>;
}

/** The rows of a page, mapped and checked; no database. */
export interface Prepared {
  readonly candidates: readonly Candidate[];
  readonly tickets: readonly Ticket[];
}

export function prepare(page: Page, context: TakeIn): Prepared {
  const candidates: Candidate[] = [];
  const tickets: Ticket[] = [];
  for (const row of page.rows) {
    const read = readRow(row, context);
    if ('record' in read) candidates.push(read);
    else tickets.push(read);
  }
  return settleTwins(candidates, tickets, context);
}

function readRow(row: RawRow, context: TakeIn): Candidate | Ticket {
  const { job, type } = context;
  if (row.fields === undefined) return ticketFor(row, undefined, row.faults, context);
  const { record, faults: mapped } = context.map(row.fields);
  if (row.faults.some(isError)) return ticketFor(row, record, row.faults, context);
  addRevision(record, row.fields, job);
  const faults = [...row.faults, ...mapped, ...type.complete(record, job.authority)];
  if (faults.some(isError)) return ticketFor(row, record, faults, context);
  faults.push(...type.check(record, { today: context.today }));
  if (faults.some(isError)) return ticketFor(row, record, faults, context);
  const identity = type.identity(record);
  if ('faults' in identity) return ticketFor(row, record, [...faults, ...identity.faults], context);
  const intruder = job.authorities !== undefined && !job.authorities.includes(identity.authority);
  if (intruder) return ticketFor(row, record, [...faults, notAllowed(identity.authority)], context);
  const operation = type.operation(record);
  const sourceRef = refOf(row.fields, job);
  return {
    row,
    record,
    identity,
    keyHex: identity.key.toString('hex'),
    digest: contentDigest(operation, record),
    operation,
    revisedAt: typeof record.revisedAt === 'string' ? record.revisedAt : undefined,
    subject: sourceRef ?? subjectOfRecord(type, job, identity.number, identity.name),
    sourceRef,
    remarks: faults,
  };
}

/** Where the mapping does not say when a row was revised, the field that the source is ordered by does. */
function addRevision(record: { revisedAt?: Json }, fields: JsonObject, { source }: PullJob): void {
  if (record.revisedAt !== undefined || source.use === 'files') return;
  const field = source.use === 'sql' ? source.updatedAt : source.cursor?.field;
  const raw = field === undefined ? undefined : fields[field];
  const revised = typeof raw === 'string' ? readTimestamp(raw).value : undefined;
  if (revised !== undefined) record.revisedAt = revised;
}

/** The bureau's own row id, as a reference of this job. */
function refOf(fields: JsonObject, job: PullJob): Buffer | undefined {
  const id = job.id === undefined ? undefined : fields[job.id];
  return typeof id === 'string' || typeof id === 'number' ? subjectOf('row', job.name, String(id)) : undefined;
}

/** Without a row id: the number; where one document may name several parties, the name as well. */
const subjectOfRecord = (type: UnifiedType, job: PullJob, number: string | undefined, name: string | undefined): Buffer =>
  subjectOf('number', job.name, number ?? '', type.everyVersion ? (name ?? '') : '');

function ticketFor(row: RawRow, record: JsonObject | undefined, faults: readonly Fault[], context: TakeIn): Ticket {
  const { job, type } = context;
  const search: Partial<SearchTerms> = record === undefined ? {} : type.search(record);
  const ref = row.fields === undefined ? undefined : refOf(row.fields, job);
  const named = search.number === undefined ? subjectOf('raw', job.name, sha256Bytes(row.raw).toString('hex')) : undefined;
  return {
    stage: 'intake',
    subject: ref ?? named ?? subjectOfRecord(type, job, search.number, search.name),
    job: job.name,
    division: job.division,
    type: job.type,
    rowNo: row.rowNo,
    number: search.number,
    name: search.name,
    faults,
    fields: row.fields,
    raw: row.raw,
  };
}

/** Two different contents for one record in one page: only the bureau's own revision time can order them (faults.md F35). */
function settleTwins(candidates: readonly Candidate[], tickets: Ticket[], context: TakeIn): Prepared {
  const byKey = new Map<string, Candidate[]>();
  let twins = false;
  for (const candidate of candidates) {
    const same = byKey.get(candidate.keyHex);
    if (same === undefined) byKey.set(candidate.keyHex, [candidate]);
    else twins = same.push(candidate) > 1;
  }
  if (!twins) return { candidates, tickets };
  const ambiguous = new Set<Candidate>();
  for (const same of byKey.values()) if (isAmbiguous(same)) for (const candidate of same) ambiguous.add(candidate);
  for (const { row, record } of ambiguous) tickets.push(ticketFor(row, record, [twinFault], context));
  return { candidates: candidates.filter((candidate) => !ambiguous.has(candidate)), tickets };
}

function isAmbiguous(same: readonly Candidate[]): boolean {
  if (new Set(same.map(({ digest }) => digest)).size < 2) return false;
  const times = same.map(({ revisedAt }) => revisedAt);
  return times.includes(undefined) || new Set(times).size < times.length;
}

/** One page in one transaction: versions, tickets, intake counts. The caller adds the cursor. */
export async function takeIn(tx: Tx, page: Page, prepared: Prepared, context: TakeIn): Promise<Taken> {
  const intakeId = await openIntake(tx, {
    job: context.job.name,
    runId: context.runId,
    externalId: page.externalId,
    sha256: page.sha256,
    now: context.now,
  });
  const tickets = prepared.tickets.map((ticket) => ({ ...ticket, intakeId }));
  let accepted = 0;
  let unchanged = 0;
  for (const round of rounds(prepared.candidates)) {
    const decided = await decide(tx, round, context);
    await appendVersions(tx, intakeId, decided.versions, context.now);
    accepted += decided.versions.length - decided.withdrawn;
    unchanged += decided.unchanged;
    tickets.push(...decided.tickets.map((ticket) => ({ ...ticket, intakeId })));
  }
  if (context.ticketsOpen) await mendSound(tx, prepared.candidates, tickets, context.now);
  await quarantine(tx, tickets, context.now);
  const counts = { accepted, unchanged, quarantined: tickets.length };
  await countIntake(tx, intakeId, counts, page.endOfIntake);
  return { counts, faults: countCodes(tickets) };
}

/** Splits so that a record stands at most once in a round, in the bureau's order of revision. */
function rounds(candidates: readonly Candidate[]): (readonly Candidate[])[] {
  const seen = new Map<string, number>();
  const split: Candidate[][] = [[]];
  const ordered = candidates.some(({ revisedAt }) => revisedAt !== undefined) ? inRevisionOrder(candidates) : candidates;
  for (const candidate of ordered) {
    const round = seen.get(candidate.keyHex) ?? 0;
    seen.set(candidate.keyHex, round + 1);
    (split[round] ??= []).push(candidate);
  }
  return split;
}

/** Rows of one record oldest first; all others keep their places in the page. */
function inRevisionOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  if (new Set(candidates.map(({ keyHex }) => keyHex)).size === candidates.length) return candidates;
  return candidates.toSorted((a, b) => (a.revisedAt ?? '').localeCompare(b.revisedAt ?? '') || a.row.rowNo - b.row.rowNo);
}

interface Decided {
  readonly versions: readonly NewVersion[];
  /** Versions among them that withdraw a replaced record: no row of the page stands for them. */
  readonly withdrawn: number;
  readonly unchanged: number;
  readonly tickets: readonly Ticket[];
}

async function decide(tx: Tx, round: readonly Candidate[], context: TakeIn): Promise<Decided> {
  const newest = await newestByKey(tx, round.map(({ identity }) => identity.key));
  const changed = round.filter((candidate) => newest.get(candidate.keyHex)?.digest !== candidate.digest);
  const bySource = await newestBySourceRef(tx, changed.flatMap(({ sourceRef }) => sourceRef ?? []));
  const earlier = await earlierContents(tx, undatedChanges(changed, newest));
  const versions: NewVersion[] = [];
  const tickets: Ticket[] = [];
  let withdrawn = 0;
  for (const candidate of changed) {
    const known = newest.get(candidate.keyHex);
    const fault = known === undefined || context.vouched ? undefined : backward(candidate, known, earlier);
    if (fault !== undefined) {
      tickets.push(ticketFor(candidate.row, candidate.record, [fault], context));
      continue;
    }
    const before = candidate.sourceRef === undefined ? undefined : bySource.get(candidate.sourceRef.toString('hex'));
    const replaced = before === undefined || before.id === known?.id ? undefined : before;
    if (replaced !== undefined && replaced.operation !== 'WITHDRAW') {
      versions.push(await withdrawal(tx, replaced, candidate, context));
      withdrawn += 1;
    }
    versions.push(toVersion(candidate, known, replaced?.id, context));
  }
  return { versions, withdrawn, unchanged: round.length - changed.length, tickets };
}

/** Records whose source says no revision time and whose content is new: is it an older state come back? */
const undatedChanges = (changed: readonly Candidate[], newest: ReadonlyMap<string, Newest>): number[] =>
  changed.flatMap(({ keyHex, revisedAt }) => (revisedAt === undefined ? (newest.get(keyHex)?.id ?? []) : []));

/** Older never overwrites newer on the way in (delivery.md §1.1). */
function backward(candidate: Candidate, known: Newest, earlier: ReadonlySet<string>): Fault | undefined {
  const { revisedAt, digest } = candidate;
  if (revisedAt !== undefined) {
    return known.revisedAt !== undefined && revisedAt < known.revisedAt ? staleFault(revisedAt, known.revisedAt) : undefined;
  }
  return earlier.has(`${known.id}/${digest}`) ? revertedFault : undefined;
}

const toVersion = (
  candidate: Candidate,
  known: Newest | undefined,
  predecessorId: number | undefined,
  { job, type }: TakeIn,
): NewVersion => ({
  known,
  key: candidate.identity.key,
  type: type.name,
  authority: candidate.identity.authority,
  job: job.name,
  number: candidate.identity.number,
  name: candidate.identity.name,
  creditCode: candidate.identity.creditCode,
  sourceRef: candidate.sourceRef,
  operation: candidate.operation,
  body: canonicalJson(candidate.record),
  digest: Buffer.from(candidate.digest, 'hex'),
  rawDigest: sha256Bytes(candidate.row.raw),
  revisedAt: candidate.revisedAt,
  rowNo: candidate.row.rowNo,
  faults: candidate.remarks.length === 0 ? undefined : canonicalJson(candidate.remarks.map((fault) => ({ ...fault }))),
  predecessorId,
});

/** A corrected key field: the record under the old key is withdrawn first, then the new one is kept, linked. */
async function withdrawal(tx: Tx, replaced: Newest, candidate: Candidate, context: TakeIn): Promise<NewVersion> {
  const old = await readVersion(tx, replaced.id, replaced.version);
  if (old === undefined) throw new Error(`record ${replaced.id} has no version ${replaced.version}`);
  const record: UnifiedRecord = JSON.parse(old.body);
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
    digest: Buffer.from(contentDigest('WITHDRAW', record), 'hex'),
    faults: undefined,
  };
}

/** A sound row closes what stood open for it, unless the same page quarantines it again. */
async function mendSound(tx: Tx, candidates: readonly Candidate[], tickets: readonly Ticket[], now: Date): Promise<void> {
  const again = new Set(tickets.map(({ subject }) => subject.toString('hex')));
  const sound = candidates.map(({ subject }) => subject).filter((subject) => !again.has(subject.toString('hex')));
  await mend(tx, sound, now);
}

function countCodes(tickets: readonly Ticket[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { faults } of tickets) {
    for (const code of new Set(faults.filter(isError).map((fault) => fault.code))) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return counts;
}

const whole = (fault: Omit<Fault, 'path' | 'level'>): Fault => ({ ...fault, level: 'error', path: '' });

const twinFault = whole({
  code: 'RECORD_AMBIGUOUS',
  zh: '同一批数据里同一记录有两个不同内容，无法判断哪个为准；请业务处室只保留正确的一条，或提供修改时间',
  en: 'the same record stands twice in one page with different contents; keep the right one at the bureau, or give a revision time',
});

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

const notAllowed = (authority: string): Fault =>
  at('issuer.code', [
    whole({
      code: 'AUTHORITY_FORBIDDEN',
      zh: `发证机关 ${authority} 不在本来源允许的范围内；请核对发证机关，或在作业文件的 authorities 中登记`,
      en: `issuing authority ${authority} is not allowed for this source; correct it, or add it to authorities in the job file`,
    }),
  ])[0] as Fault;

