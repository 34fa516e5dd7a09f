import { type Members, optional, required, type Shape, text } from './shape.ts';
import { auth, byUse, checked, duration, httpUrl, integer, list, object, oneOf } from './shape-words.ts';

/** What `platform:` of a push job may say, by `use`; one line per protocol (platform-spec.ts has the types). */
export const platform = ({ hosts }: { readonly hosts: readonly string[] }): Shape => byUse({ http: http(hosts) });

/** What every protocol has (DeliveryTerms). */
const terms: Members = {
  batchSize: optional(integer(1, 1000)),
  concurrency: optional(integer(1, 16)),
  receipts: optional(oneOf('sync', 'async')),
  querySettle: optional(duration),
  answerWithin: optional(duration),
  doneWhen: optional(oneOf('handed-over', 'received', 'answered')),
  nil: optional(oneOf('message', 'report')),
  sender: optional(object({ code: required(text), name: required(text) })),
};

const http = (hosts: readonly string[]): Shape =>
  object({
    ...terms,
    use: required(oneOf('http')),
    url: required(checked(httpUrl(hosts))),
    auth: optional(auth),
    sign: optional(oneOf('hmac-sha256')),
    idempotent: optional({ is: 'boolean' }),
    notProcessed: optional(list(integer(400, 599))),
    // The lease that guards a push lasts 60 s: a request must end well before (delivery.md §1.9).
    timeout: optional(integer(1, 29)),
  });
