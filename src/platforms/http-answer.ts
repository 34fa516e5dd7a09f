import type { OutgoingBatch, Verdict } from '../platform.ts';
import type { AnswerSpec, CodeMeaning, ResultsSpec } from '../platform-spec.ts';
import { type AnswerDocument, answerDocument, documentOf } from '../wire/answer-document.ts';
import { uuidOf } from '../wire/uuid-of.ts';

/** What an answer says by the platform's own words, or why it proves nothing. */
export type Said =
  | { readonly doubt: string }
  | {
      readonly meaning: CodeMeaning;
      readonly code: string;
      readonly message: string;
      readonly receiptId: string;
      /** Lower-case hex, where the platform tells it. */
      readonly digest: string | undefined;
      readonly document: AnswerDocument;
      /** It stands in the place of faults, where nothing that was taken in is told. */
      readonly isFault: boolean;
    };

export interface AnswerBytes {
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

/** Reads an answer as the job's YAML describes it; every doubt names neither content nor secrets. */
export function readAnswer(
  spec: AnswerSpec & { readonly form: 'json' | 'xml' },
  { contentType, body }: AnswerBytes,
  batch: OutgoingBatch,
): Said {
  const outer = answerDocument(spec.form, contentType, body);
  if ('doubt' in outer) return outer;
  const fault = spec.fault === undefined ? undefined : outer.document.text(spec.fault);
  if (fault !== undefined) return faultSaid(fault, outer.document, spec, batch);
  const read = spec.within === undefined ? outer : innerDocument(outer.document, spec.within);
  if ('doubt' in read) return read;
  const { document } = read;
  const code = document.text(spec.code);
  if (code === undefined) return { doubt: '回答里没有结果代码 (the answer has no result code)' };
  const meaning = meaningOf(code, spec);
  if (meaning === undefined) return unexplained(code);
  const doubt = meaning === 'accepted' || meaning === 'received' ? echoDoubt(document, spec, batch) : undefined;
  if (doubt !== undefined) return { doubt };
  return {
    meaning,
    code,
    message: (spec.message === undefined ? undefined : document.text(spec.message)) ?? '',
    receiptId: (spec.receipt === undefined ? undefined : document.text(spec.receipt)) || batch.batchId,
    digest: spec.digest === undefined ? undefined : document.text(spec.digest)?.toLowerCase(),
    document,
    isFault: false,
  };
}

function unexplained(code: string): { readonly doubt: string } {
  const shown = /^[\w.:-]{1,40}$/.test(code) ? code : '?';
  return { doubt: `结果代码 ${shown} 未在作业中说明 (result code ${shown} is not explained in the job)` };
}

/** A fault never says that something was taken in. */
function faultSaid(code: string, document: AnswerDocument, spec: AnswerSpec, { batchId }: OutgoingBatch): Said {
  const meaning = meaningOf(code, spec);
  if (meaning === undefined || meaning === 'accepted' || meaning === 'received') return unexplained(code);
  return { meaning, code, message: '', receiptId: batchId, digest: undefined, document, isFault: true };
}

export function innerDocument(outer: AnswerDocument, within: { readonly at: string; readonly form: 'json' | 'xml' }) {
  const text = outer.text(within.at);
  if (text === undefined || text === '') return { doubt: '回答里没有内层报文 (the inner document is missing)' };
  return documentOf(within.form, text);
}

const MEANINGS: readonly CodeMeaning[] = [
  'loginExpired',
  'accepted',
  'received',
  'rejected',
  'refused',
  'conflict',
  'notProcessed',
  'absent',
];

const meaningOf = (code: string, { codes }: AnswerSpec): CodeMeaning | undefined =>
  MEANINGS.find((meaning) => codes[meaning]?.includes(code));

function echoDoubt(document: AnswerDocument, spec: AnswerSpec, batch: OutgoingBatch): string | undefined {
  const echo = spec.echo === undefined ? undefined : document.text(spec.echo);
  if (spec.echo !== undefined && echo !== batch.batchId && echo?.toLowerCase() !== uuidOf(batch.batchId)) {
    return '回答的是别的批次 (the answer is about another package)';
  }
  const count = spec.count === undefined ? undefined : document.text(spec.count);
  const sent = batch.idemKeys.length;
  if (spec.count === undefined || count === String(sent)) return undefined;
  return `报送 ${sent} 条，回执条数不符 (sent ${sent}, the receipt counts otherwise)`;
}

/** Verdicts for every member, each exactly once. `said` means accepted (or, for a batch of one, rejected). */
export function verdictsOf(
  said: Extract<Said, { readonly code: string }>,
  spec: AnswerSpec,
  batch: OutgoingBatch,
): readonly Verdict[] | { readonly doubt: string } {
  const { code, message } = said;
  if (said.meaning === 'rejected') {
    return batch.idemKeys.map((idemKey) => ({ idemKey, outcome: 'rejected', code, reason: message || code }));
  }
  if (spec.results === undefined) return batch.idemKeys.map((idemKey) => ({ idemKey, outcome: 'accepted', code }));
  return rowVerdicts(said.document, spec.results, batch, code);
}

function rowVerdicts(document: AnswerDocument, spec: ResultsSpec, batch: OutgoingBatch, code: string) {
  const rows = document.list(spec.at);
  if (rows === undefined) return { doubt: '回答里没有逐条结果 (the results are missing)' };
  const keys = keysByName(batch);
  const verdicts = new Map<string, Verdict>();
  let strangers = 0;
  for (const row of rows) {
    const idemKey = keys.get((row.text(spec.row) ?? '').toLowerCase());
    const verdict = idemKey === undefined || verdicts.has(idemKey) ? undefined : verdictOf(row, spec, idemKey);
    if (verdict === undefined) strangers += 1;
    else verdicts.set(verdict.idemKey, verdict);
  }
  const missing = batch.idemKeys.filter((key) => !verdicts.has(key));
  if (strangers > 0 || (missing.length > 0 && spec.lists !== 'rejected')) {
    return {
      doubt: `回执缺 ${missing.length} 条、多 ${strangers} 条 (the receipt lacks ${missing.length} rows and has ${strangers} unknown or repeated ones)`,
    };
  }
  return batch.idemKeys.map((key): Verdict => verdicts.get(key) ?? { idemKey: key, outcome: 'accepted', code });
}

function verdictOf(row: AnswerDocument, spec: ResultsSpec, idemKey: string): Verdict | undefined {
  const code = row.text(spec.code);
  if (code === undefined || code === '') return undefined;
  const text = (path: string | undefined) => (path === undefined ? undefined : row.text(path)) ?? '';
  if (!spec.accepted.includes(code)) {
    return { idemKey, outcome: 'rejected', code, reason: text(spec.message) || code };
  }
  const platformId = text(spec.platformId);
  return { idemKey, outcome: 'accepted', code, ...(platformId === '' ? {} : { platformId }) };
}

/** A row may be named by our row id, by its GUID or by its number. */
function keysByName({ idemKeys }: OutgoingBatch): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [index, key] of idemKeys.entries()) {
    names.set(String(index + 1), key);
    names.set(uuidOf(key), key);
    names.set(key, key);
  }
  return names;
}
