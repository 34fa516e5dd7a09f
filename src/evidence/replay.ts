import { BATCH_TABLE } from '../delivery/delivery-state.ts';
import { manifestRoot } from '../delivery/manifest.ts';
import type { Reader } from '../store/database.ts';
import { type BatchState, readBatchStates, readMemberStates } from '../store/log-replay.ts';
import { type BatchEntry, readBatchEntries } from '../store/log-tree.ts';
import { type Entry, readEntry } from './entry.ts';
import type { Finding, Findings } from './findings.ts';
import { answerIn, type LoggedAnswer, wrongAnswer } from './verify-answers.ts';
import { verifyContents } from './verify-contents.ts';

/** What the log says of a batch. */
interface Replayed {
  readonly id: string;
  state: string | undefined;
  attempt: number;
  epoch: number;
  members: string | undefined;
  manifestRoot: string | undefined;
  payloadCommit: string | undefined;
  readonly receiptHashes: Set<string>;
  /** `idem key` or `record/version` → state, for members that went another way than their batch. */
  readonly exceptions: Map<string, string>;
  /** Idem key → what the newest entry of a member says was answered. */
  readonly answers: Map<string, LoggedAnswer>;
  /** Its first entries may have been pruned: then it begins in the middle. */
  readonly mayBeCut: boolean;
}

/** What was held against the log. */
export interface Counted {
  readonly members: number;
  /** Requests and reasons whose salt is gone: erased, so that nothing says any more what they were. */
  readonly undisclosed: number;
}

/** Rows read at once: few enough to be gone before the collector of garbage would keep them. */
const PAGE = 100;

/**
 * Plays the log's entries of every batch through the state table (delivery.md I17) and holds the outcome, the manifest and
 * the members against the tables. Batch by batch in the order of their ids, so that memory stays flat. `prunedBefore`: entries of
 * before that may be gone by a pruning; what they told is in its archive.
 */
export async function replayBatches(
  db: Reader,
  findings: Findings,
  prunedBefore?: Date,
): Promise<Counted & { readonly batches: number }> {
  const rows = batchRows(db);
  let row = (await rows.next()).value;
  const count = { batches: 0, members: 0, undisclosed: 0 };
  const isPruned = ({ sealedAt }: BatchState): boolean =>
    prunedBefore !== undefined && new Date(sealedAt) < prunedBefore;
  for await (const told of replayed(db, findings, prunedBefore !== undefined)) {
    while (row !== undefined && row.id < told.id) {
      if (!isPruned(row)) findings.add(unlogged(row));
      row = (await rows.next()).value;
    }
    if (row?.id !== told.id) {
      if (told.state !== undefined) findings.add(unknownBatch(told));
      continue;
    }
    count.batches += 1;
    const { members, undisclosed } = await compare(db, told, row, findings);
    count.members += members;
    count.undisclosed += undisclosed;
    row = (await rows.next()).value;
  }
  for (; row !== undefined; row = (await rows.next()).value) if (!isPruned(row)) findings.add(unlogged(row));
  return count;
}

async function* batchRows(db: Reader): AsyncGenerator<BatchState, undefined> {
  let after = '';
  for (;;) {
    const page = await readBatchStates(db, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return undefined;
    after = last.id;
  }
}

async function* replayed(db: Reader, findings: Findings, mayBeCut: boolean): AsyncGenerator<Replayed> {
  let after: Omit<BatchEntry, 'entry'> = { batchId: '', logNo: 0, index: -1 };
  let batch: Replayed | undefined;
  for (;;) {
    const page = await readBatchEntries(db, after, PAGE);
    for (const placed of page) {
      const id = placed.batchId;
      if (batch !== undefined && batch.id !== id) yield batch;
      if (batch?.id !== id) batch = fresh(id, mayBeCut);
      play(batch, placed, findings);
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last;
  }
  if (batch !== undefined) yield batch;
}

const fresh = (id: string, mayBeCut: boolean): Replayed => ({
  id,
  state: undefined,
  attempt: 0,
  epoch: 0,
  members: undefined,
  manifestRoot: undefined,
  payloadCommit: undefined,
  receiptHashes: new Set(),
  exceptions: new Map(),
  answers: new Map(),
  mayBeCut,
});

/** Does the log not tell any more how it was sealed? */
const isCut = ({ mayBeCut, manifestRoot }: Replayed): boolean => mayBeCut && manifestRoot === undefined;

const EXCEPTION = /^delivery\.(rejected|conflict|superseded|cancelled)$/;

function play(batch: Replayed, placed: BatchEntry, findings: Findings): void {
  const read = readEntry(placed.entry);
  // What is malformed was named when the entries were walked.
  if ('wrong' in read) return;
  const { entry } = read;
  if (entry.receiptHash !== undefined) batch.receiptHashes.add(entry.receiptHash);
  if (entry.delivery !== undefined && entry.to !== undefined) batch.answers.set(entry.delivery, answerIn(entry));
  const [, exception] = EXCEPTION.exec(entry.action) ?? [];
  if (exception !== undefined) {
    const { record, version } = entry.evidence;
    batch.exceptions.set(entry.delivery ?? `${String(record)}/${String(version)}`, entry.to ?? exception);
  } else if (entry.to !== undefined && entry.delivery === undefined) {
    const wrong = transition(batch, entry);
    if (wrong !== undefined) findings.add(illegal(`log_entries ${placed.logNo}/${placed.index}`, batch, wrong));
  }
}

/** Moves the batch; says what the table or the counters do not allow. */
function transition(batch: Replayed, entry: Entry): string | undefined {
  const { from, to } = entry;
  const event = typeof entry.evidence['event'] === 'string' ? entry.evidence['event'] : 'sealed';
  if (batch.state === undefined && event !== 'sealed' && batch.mayBeCut) begin(batch, entry, event);
  const before = batch.state;
  batch.state = to;
  const wrong = countersWrong(batch, entry, event);
  if (event === 'sealed') {
    batch.members = textOf(entry.evidence['members']);
    batch.manifestRoot = textOf(entry.evidence['manifestRoot']);
    batch.payloadCommit = entry.payloadCommit;
    return before === undefined && from === undefined && to === 'SEALED' ? wrong : `${before ?? '∅'} —sealed→ ${to}`;
  }
  if (before !== from) return `${from ?? '∅'} —${event}→ ${to}, but the batch was ${before ?? '∅'}`;
  const allowed = nextState(from, event);
  return allowed === to ? wrong : `${from ?? '∅'} —${event}→ ${to}, the table says ${allowed ?? 'nothing'}`;
}

/** Where the first entries are gone, the first one left says where the batch stood. */
function begin(batch: Replayed, { from, attempt }: Entry, event: string): void {
  batch.state = from;
  batch.attempt = Number(attempt ?? 0) - (event.startsWith('intent') ? 1 : 0);
}

function countersWrong(batch: Replayed, { attempt, epoch }: Entry, event: string): string | undefined {
  const [now, holder] = [Number(attempt ?? batch.attempt), Number(epoch ?? batch.epoch)];
  const [attemptBefore, epochBefore] = [batch.attempt, batch.epoch];
  batch.attempt = now;
  batch.epoch = Math.max(holder, epochBefore);
  if (holder < epochBefore) return `epoch ${holder} after ${epochBefore}`;
  const expected = event.startsWith('intent') ? attemptBefore + 1 : attemptBefore;
  return now === expected ? undefined : `attempt ${now}, expected ${expected}`;
}

const tables: { readonly [state: string]: { readonly [event: string]: string | undefined } } = BATCH_TABLE;
const nextState = (state: string | undefined, event: string): string | undefined => tables[state ?? '']?.[event];

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The row and its members against the log. */
async function compare(db: Reader, told: Replayed, row: BatchState, findings: Findings): Promise<Counted> {
  const where = `batches ${row.id}`;
  if (told.state === undefined && !isCut(told)) findings.add(unlogged(row));
  else if (told.state !== undefined && told.state !== row.state)
    findings.add(
      differs(where, `状态 ${row.state}，日志为 ${told.state}`, `state ${row.state}, the log says ${told.state}`),
    );
  const root = row.manifestRoot.toString('hex');
  if (told.manifestRoot !== undefined && told.manifestRoot !== root)
    findings.add(differs(where, '清单根与日志不符', 'manifest_root is not that of the log'));
  const erased = await verifyContents(db, row.seq, { ...told, cut: isCut(told) }, findings);
  // The members of a split batch have gone over to its parts.
  if (row.state === 'SPLIT') return { members: 0, undisclosed: erased };
  const { members, undisclosed } = await compareMembers(db, told, row, findings);
  return { members, undisclosed: undisclosed + erased };
}

async function compareMembers(db: Reader, told: Replayed, row: BatchState, findings: Findings): Promise<Counted> {
  const where = `deliveries ${row.id}`;
  const members = await readMemberStates(db, row.seq);
  let undisclosed = 0;
  const root = manifestRoot(members.map(({ payloadDigest }) => payloadDigest)).toString('hex');
  if (told.manifestRoot !== undefined && root !== told.manifestRoot) {
    const [zh, en] = [
      '成员的摘要与日志中的清单根不符',
      'the digests of its members do not make the logged manifest root',
    ];
    findings.add(differs(where, zh, en));
  }
  for (const member of members) {
    const logged = told.exceptions.get(member.idemKey) ?? told.exceptions.get(`${member.recordId}/${member.version}`);
    if (logged === undefined && isCut(told)) continue;
    const wrong = await wrongAnswer(db, member, told.answers.get(member.idemKey));
    if (wrong === 'undisclosed') undisclosed += 1;
    else if (wrong !== undefined) findings.add(differs(where, ...wrong));
    const exceptional = member.state !== 'open' && member.state !== 'accepted';
    if (exceptional === (logged !== undefined) && (!exceptional || logged === member.state)) continue;
    const said = `${member.idemKey} ${member.state} ≠ ${logged ?? '∅'}`;
    findings.add(differs(where, `成员状态与日志不符：${said}`, `a member's state is not what the log says: ${said}`));
  }
  return { members: members.length, undisclosed };
}

const differs = (where: string, zh: string, en: string): Finding => ({ code: 15, where, zh, en });

const illegal = (where: string, { id }: Replayed, what: string): Finding => ({
  code: 14,
  where,
  zh: `批次 ${id}：${what}`,
  en: `batch ${id}: ${what}`,
});

const unlogged = ({ id, state }: BatchState): Finding => ({
  code: 12,
  where: `batches ${id}`,
  zh: `批次（${state}）在日志中没有条目`,
  en: `a batch (${state}) that the log does not tell of`,
});

const unknownBatch = ({ id, state }: Replayed): Finding => ({
  code: 12,
  where: `batches ${id}`,
  zh: `日志中有批次（${state}），表中没有`,
  en: `the log tells of a batch (${state}) that is not there`,
});
