import type { Headers } from '../wire/exchange-sign.ts';

/** What proves who asks, made anew for each request: a signature holds for one instant only. */
export interface Proof {
  readonly headers: Headers;
  readonly query: { readonly [name: string]: string };
}

/** Nothing could be sent: there is no valid secret or token. */
export interface NoProof {
  readonly reason: string;
  /** A person must look: waiting does not mend it. */
  readonly page: boolean;
}
