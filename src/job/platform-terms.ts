import { type Members, optional, required, text } from './shape.ts';
import { clock, duration, integer, list, object, oneOf, secret } from './shape-words.ts';

/** What every protocol has (DeliveryTerms). */
export const terms: Members = {
  batchSize: optional(integer(1, 1000)),
  concurrency: optional(integer(1, 16)),
  receipts: optional(oneOf('sync', 'async')),
  idempotencyTtl: optional(duration),
  sendingWindow: optional(
    object({
      from: required(clock),
      to: required(clock),
      days: optional(list(oneOf('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'), 1)),
    }),
  ),
  querySettle: optional(duration),
  answerWithin: optional(duration),
  doneWhen: optional(oneOf('handed-over', 'received', 'answered')),
  nil: optional(oneOf('message', 'report')),
  sender: optional(object({ code: required(text), name: required(text) })),
};

/** Certificates, for whatever runs over TLS (TlsSpec). */
export const tls = object({
  cert: optional(text),
  key: optional(text),
  passphrase: optional(secret),
  ca: optional(text),
  pins: optional(list(text, 1)),
});
