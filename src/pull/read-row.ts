import { canonicalJson, sha256 } from '../canonical.ts';
import { type Fault, isError } from '../fault.ts';
import type { PullJob } from '../job/job.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { contentDigest, type Operation } from '../record.ts';
import { readTimestamp } from '../rules/legal-date.ts';
import type { Identity, SearchTerms, UnifiedType } from '../schema/schema.ts';
import type { RawRow } from '../source.ts';
import { subjectOf, type Ticket } from '../store/quarantine.ts';

/** What the rows of a job carry along. */
export type JobOfRows = Pick<PullJob, 'name' | 'division' | 'type'>;

/** What decides what becomes of a row. */
export interface Judge {
  readonly job: PullJob;
  readonly type: UnifiedType;
  readonly map: Mapping;
  /** Local date `YYYY-MM-DD`: decisions of tomorrow are faults. */
  readonly today: string;
  /** 8 bytes that change with whatever decides: job, schemas, authorities, this program. */
  readonly rules: Buffer;
}

/** A row that maps and checks: what the library may keep as a version. */
export interface Candidate {
  readonly rowNo: number;
  /** Canonical JSON of the record without its revision time: what the digest is over, and what the library keeps. */
  readonly content: string;
  /** Lower-case hex SHA-256 of the row as read. */
  readonly rawDigest: string;
  readonly identity: Identity;
  readonly keyHex: string;
  readonly digest: string;
  readonly operation: Operation;
  readonly revisedAt: string | undefined;
  readonly subject: Buffer;
  readonly sourceRef: Buffer | undefined;
  /** Canonical JSON of warnings and notes, `undefined` if none. */
  readonly remarks: string | undefined;
}

/** What a ticket keeps of a row: its exact bytes, and its fields as JSON. */
export type RowText = Pick<Ticket, 'raw' | 'fields'>;

/** The rows of a page, mapped and checked; no database. */
export interface Prepared {
  readonly candidates: readonly Candidate[];
  readonly tickets: readonly Ticket[];
  /** The records (hex keys) and the bureau's row ids (latin1 references) that the candidates are about. */
  readonly names: ReadonlySet<string>;
  /** One of them stands in more than one of the candidates. */
  readonly twice: boolean;
  /** What tickets keep of these rows, should the library refuse them after all. */
  readonly textsOf: (rowNos: readonly number[]) => Promise<readonly RowText[]>;
}

/** Maps and checks rows of a page; `rawDigests` in their order, where they are known already. */
export function prepare(rows: readonly RawRow[], context: Judge, rawDigests?: readonly string[]): Prepared {
  const candidates: Candidate[] = [];
  const tickets: Ticket[] = [];
  for (const [index, row] of rows.entries()) {
    const read = readRow(row, context, rawDigests?.[index] ?? sha256(row.raw));
    if ('content' in read) candidates.push(read);
    else tickets.push(read);
  }
  const texts = textsOfRows(rows);
  const named = namesOf(candidates);
  const twins = named.twice ? findTwins(candidates) : NO_TWINS;
  for (const [candidate, fault] of twins) {
    const [text] = texts([candidate.rowNo]);
    tickets.push(ticketOf(candidate, fault, { job: context.job, text }));
  }
  const sound = twins.size === 0 ? candidates : candidates.filter((candidate) => !twins.has(candidate));
  return { candidates: sound, tickets, ...named, textsOf: async (rowNos) => texts(rowNos) };
}

const NO_TWINS: ReadonlyMap<Candidate, Fault> = new Map();

function namesOf(candidates: readonly Candidate[]): Pick<Prepared, 'names' | 'twice'> {
  const names = new Set<string>();
  let given = 0;
  for (const { keyHex, sourceRef } of candidates) {
    names.add(keyHex);
    if (sourceRef !== undefined) names.add(sourceRef.toString('latin1'));
    given += sourceRef === undefined ? 1 : 2;
  }
  return { names, twice: names.size < given };
}

/** By row number, which stands once in a page. Made only where a ticket needs it. */
function textsOfRows(rows: readonly RawRow[]): (rowNos: readonly number[]) => readonly RowText[] {
  const byNumber = () => new Map(rows.map((row) => [row.rowNo, row]));
  return (rowNos) => {
    const found = byNumber();
    return rowNos.map((rowNo) => textOf(found.get(rowNo)));
  };
}

const textOf = (row: RawRow | undefined): RowText => ({
  raw: row?.raw,
  fields: row?.fields === undefined ? undefined : JSON.stringify(row.fields),
});

function readRow(row: RawRow, context: Judge, rawDigest: string): Candidate | Ticket {
  const { job, type } = context;
  const { fields } = row;
  if (fields === undefined) return ticketFor(row, undefined, row.faults, context);
  const { record, faults: mapped } = context.map(fields);
  if (row.faults.some(isError)) return ticketFor(row, record, row.faults, context);
  addRevision(record, fields, job);
  const faults = row.faults.length === 0 ? mapped : [...row.faults, ...mapped];
  for (const found of type.complete(record, job.authority)) faults.push(found);
  if (faults.some(isError)) return ticketFor(row, record, faults, context);
  faults.push(...type.check(record, { today: context.today }));
  if (faults.some(isError)) return ticketFor(row, record, faults, context);
  const identity = type.identity(record);
  if ('faults' in identity) return ticketFor(row, record, [...faults, ...identity.faults], context);
  const intruder = job.authorities !== undefined && !job.authorities.includes(identity.authority);
  if (intruder) return ticketFor(row, record, [...faults, notAllowed(identity.authority)], context);
  const operation = type.operation(record);
  const sourceRef = refOf(fields, job);
  const { revisedAt } = record;
  const content = canonicalJson(record, 'revisedAt');
  return {
    rowNo: row.rowNo,
    content,
    rawDigest,
    identity,
    keyHex: identity.key.toString('hex'),
    digest: contentDigest(operation, content),
    operation,
    revisedAt: typeof revisedAt === 'string' ? revisedAt : undefined,
    subject: sourceRef ?? subjectOfRecord(type, job, identity.number, identity.name),
    sourceRef,
    remarks: faults.length === 0 ? undefined : canonicalJson(faults.map((fault) => ({ ...fault }))),
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

/**
 * The bureau's own row id, as a reference of this job: 4 bytes for the job, then the id itself, so that rows that follow
 * each other lie side by side in the index. At most 60 bytes.
 */
export function refOf(fields: JsonObject, job: PullJob): Buffer | undefined {
  const id = job.id === undefined ? undefined : fields[job.id];
  if (typeof id !== 'string' && typeof id !== 'number') return undefined;
  const text = String(id);
  const bytes = Buffer.from(text.length <= 56 ? text : sha256(text));
  return Buffer.concat([jobMark(job.name), bytes.length <= 56 ? bytes : Buffer.from(sha256(text).slice(0, 56))]);
}

/** Whether two references are of rows that the same job reads. */
export const isOfSameJob = (left: Buffer, right: Buffer): boolean => left.subarray(0, 4).equals(right.subarray(0, 4));

const jobMarks = new Map<string, Buffer>();

function jobMark(name: string): Buffer {
  const known = jobMarks.get(name);
  if (known !== undefined) return known;
  const mark = Buffer.from(sha256(name).slice(0, 8), 'hex');
  jobMarks.set(name, mark);
  return mark;
}

/** Without a row id: the number; where one document may name several parties, the name as well. */
export const subjectOfRecord = (
  type: Pick<UnifiedType, 'everyVersion'>,
  job: PullJob,
  number: string | undefined,
  name: string | undefined,
): Buffer => subjectOf('number', job.name, number ?? '', type.everyVersion ? (name ?? '') : '');

function ticketFor(row: RawRow, record: JsonObject | undefined, faults: readonly Fault[], context: Judge): Ticket {
  const { job, type } = context;
  const search: Partial<SearchTerms> = record === undefined ? {} : type.search(record);
  const ref = row.fields === undefined ? undefined : refOf(row.fields, job);
  const named = search.number === undefined ? subjectOf('raw', job.name, sha256(row.raw)) : undefined;
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
    ...textOf(row),
  };
}

/** A row that was sound by itself, but does not fit what the library holds, or its twin. */
export const ticketOf = (
  candidate: Candidate,
  fault: Fault,
  { job, text }: { readonly job: JobOfRows; readonly text: RowText | undefined },
): Ticket => ({
  stage: 'intake',
  subject: candidate.subject,
  job: job.name,
  division: job.division,
  type: job.type,
  rowNo: candidate.rowNo,
  number: candidate.identity.number,
  name: candidate.identity.name,
  faults: [fault],
  ...text,
});

/**
 * Two different contents for one record in one page, or two records for one row id: only the bureau's own revision time can order
 * them (faults.md F35).
 */
function findTwins(candidates: readonly Candidate[]): ReadonlyMap<Candidate, Fault> {
  const twins = new Map<Candidate, Fault>();
  for (const same of standingTwice(candidates, ({ sourceRef }) => sourceRef?.toString('latin1')))
    if (isAmbiguous(same, 'keyHex')) for (const candidate of same) twins.set(candidate, rowTwinFault);
  for (const same of standingTwice(candidates, ({ keyHex }) => keyHex))
    if (isAmbiguous(same, 'digest')) for (const candidate of same) twins.set(candidate, twinFault);
  return twins;
}

/** Candidates that share a name with another one, group by group. */
const standingTwice = (candidates: readonly Candidate[], nameOf: (candidate: Candidate) => string | undefined) =>
  [...Map.groupBy(candidates, nameOf)].flatMap(([name, same]) => (name === undefined || same.length < 2 ? [] : [same]));

/** Whether candidates that differ carry no time, or the same. */
function isAmbiguous(same: readonly Candidate[], by: 'digest' | 'keyHex'): boolean {
  if (new Set(same.map((candidate) => candidate[by])).size < 2) return false;
  const atTime = new Map<string, string>();
  return same.some(({ revisedAt, [by]: mark }) => {
    if (revisedAt === undefined) return true;
    const other = atTime.get(revisedAt);
    atTime.set(revisedAt, mark);
    return other !== undefined && other !== mark;
  });
}

const whole = (fault: Omit<Fault, 'path' | 'level'>): Fault => ({ ...fault, level: 'error', path: '' });

export const twinFault = whole({
  code: 'RECORD_AMBIGUOUS',
  zh: '同一批数据里同一记录有两个不同内容，无法判断哪个为准；请业务处室只保留正确的一条，或提供修改时间',
  en: 'the same record stands twice in one page with different contents; keep the right one at the bureau, or give a revision time',
});

export const rowTwinFault = whole({
  code: 'RECORD_AMBIGUOUS',
  zh: '同一批数据里同一行标识对应两个不同的记录，无法判断哪个为准；请业务处室只保留正确的一条，或提供修改时间；行标识本不唯一的，请改正作业文件的 id',
  en: 'one row id stands for two different records in one page; keep the right one at the bureau, or give a revision time; where the row id is not unique, correct id in the job file',
});

const notAllowed = (authority: string): Fault => ({
  code: 'AUTHORITY_FORBIDDEN',
  level: 'error',
  path: 'issuer.code',
  zh: `发证机关 ${authority} 不在本来源允许的范围内；请核对发证机关，或在作业文件的 authorities 中登记`,
  en: `issuing authority ${authority} is not allowed for this source; correct it, or add it to authorities in the job file`,
});
