import type { OutgoingBatch } from '../platform.ts';
import type { AnswerSpec, BodyTemplate, HttpPlatformSpec } from '../platform-spec.ts';
import { contentTypeOf, fillTemplate } from '../wire/body-template.ts';
import type { QueryName } from '../wire/template-names.ts';
import { uuidOf } from '../wire/uuid-of.ts';
import type { Call } from './http-call.ts';
import { type Circumstances, classifyQuery, classifySend } from './http-classify.ts';
import { classifyConfiguredQuery, classifyConfiguredSend, type ReadableAnswer } from './http-configured.ts';
import { acceptOf } from './http-login.ts';

type Classified<T extends (...args: never) => unknown> = ReturnType<T>;
type Exchange = Parameters<typeof classifySend>[0];

/** Which calls a platform takes and how its answers read: its own, by the job's YAML, or docs/platform-http.md. */
export interface Dialect {
  readonly submit: (batch: OutgoingBatch) => Call;
  /** Absent: nothing can be asked. */
  readonly status: ((batch: OutgoingBatch) => Call) | undefined;
  readonly readSubmit: (exchange: Exchange, about: Circumstances) => Classified<typeof classifyConfiguredSend>;
  readonly readStatus: (exchange: Exchange, about: Circumstances) => Classified<typeof classifyConfiguredQuery>;
}

export function dialectOf(spec: HttpPlatformSpec): Dialect {
  const { body, answer } = spec;
  const query = spec.query === 'none' ? undefined : spec.query;
  const readable = answer === undefined ? undefined : withForm(answer, body);
  const status = query === undefined ? undefined : withForm(query.answer, query.body ?? body);
  return {
    submit: (batch) => submitCall(spec, batch, readable?.form ?? 'json'),
    status: spec.query === 'none' ? undefined : (batch) => statusCall(spec, batch, status?.form ?? 'json'),
    readSubmit: (exchange, about) =>
      readable === undefined ? classifySend(exchange, about) : classifyConfiguredSend(exchange, readable, about),
    readStatus: (exchange, about) =>
      status === undefined ? classifyQuery(exchange, about) : classifyConfiguredQuery(exchange, status, about),
  };
}

const withForm = (answer: AnswerSpec, body: 'json' | BodyTemplate | undefined): ReadableAnswer => ({
  ...answer,
  form: answer.form ?? (typeof body === 'object' && 'xml' in body ? 'xml' : 'json'),
});

/** The key and the digest of the exact body go beside it (RFC 9530) where the platform speaks our own package. */
function submitCall({ submit, body }: HttpPlatformSpec, batch: OutgoingBatch, form: 'json' | 'xml'): Call {
  const own =
    typeof body === 'object'
      ? {}
      : { 'Idempotency-Key': '{packageId}', 'Content-Digest': 'sha-256=:{bodyDigestBase64}:' };
  return {
    method: 'POST',
    path: submit?.path ?? '/batches',
    headers: { Accept: acceptOf(form), 'Content-Type': batch.contentType, ...own, ...submit?.headers },
    body: batch.body,
  };
}

function statusCall({ query }: HttpPlatformSpec, batch: OutgoingBatch, form: 'json' | 'xml'): Call {
  if (query === undefined || query === 'none') {
    return { method: 'GET', path: '/batches/{packageId}', headers: { Accept: acceptOf(form) } };
  }
  const { path, headers = {}, body } = query;
  if (body === undefined) return { method: 'GET', path, headers: { Accept: acceptOf(form), ...headers } };
  return {
    method: 'POST',
    path,
    headers: { Accept: acceptOf(form), 'Content-Type': contentTypeOf(body), ...headers },
    body: Buffer.from(fillTemplate(body, (name) => queryValue(name, batch))),
  };
}

/** A row can be named where a batch is one record. */
function queryValue(name: string, { batchId, idemKeys }: OutgoingBatch): string | number | undefined {
  const [only = ''] = idemKeys;
  const known: { readonly [N in QueryName]: string | number } = {
    packageId: batchId,
    packageUuid: uuidOf(batchId),
    recordCount: idemKeys.length,
    rowId: only,
    rowUuid: uuidOf(only),
  };
  const members: { readonly [name: string]: string | number } = known;
  return Object.hasOwn(members, name) ? members[name] : undefined;
}
