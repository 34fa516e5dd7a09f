import type { HubError, Remedy } from '../errors.ts';
import type { HttpOutcome } from '../hardened-http.ts';
import { jsonDocument } from '../wire/json-document.ts';

/** Makes the error of a list that cannot be trusted; `retry` for network trouble. */
export type Unreadable = (reason: string, remedy?: Remedy) => HubError;

/** The JSON document of one page of a list; throws what `unreadable` makes rather than take half of it. */
export function pageDocument(exchange: HttpOutcome, unreadable: Unreadable): unknown {
  if (exchange.outcome === 'failure') throw unreadable(exchange.reason, 'retry');
  const { status, headers, body } = exchange;
  if (status !== 200) throw unreadable(`对方答 ${status} (answered ${status})`, status >= 500 ? 'retry' : 'give-up');
  const document = jsonDocument(headers['content-type'], body);
  if ('doubt' in document) throw unreadable(document.doubt);
  return document.json;
}
