import { type Members, optional, required, text } from './shape.ts';
import { duration, integer, list, object, oneOf, secret } from './shape-words.ts';

/** What every protocol has (DeliveryTerms). */
export const terms: Members = {
  batchSize: optional(integer(1, 1000)),
  concurrency: optional(integer(1, 16)),
  receipts: optional(oneOf('sync', 'async')),
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
