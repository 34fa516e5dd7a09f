import type { Operation } from '../record.ts';
import type { Confirmation } from '../store/confirmations.ts';
import type { ThreadWord } from '../thread.ts';
import type { PackedPage } from './packed-page.ts';
import type { PendingPages } from './pending-page.ts';
import type { RenderPlan } from './rendering.ts';

/** What the reading side of a push does, told to a thread. */
export interface ReaderWork extends Pick<PendingPages, 'resync' | 'createdUntil'> {
  readonly databaseUrl: string;
  readonly schemasDir: string;
  /** Other schemas than these render other bytes. */
  readonly schemasDigest: string;
  readonly plan: RenderPlan;
  readonly confirmations: readonly Confirmation[] | undefined;
}

/** A pass that the thread is to go on with; the number tells its pages from those of another. */
export interface Pass {
  readonly pass: number;
  readonly operation: Operation;
  readonly afterId: number;
}

export type ToReader =
  | ({ readonly kind: 'pass' } & Pass)
  /** One more page may be handed over. */
  | { readonly kind: 'more' }
  /** Nobody wants the rest of this pass. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'end' };

export type FromReader = ThreadWord | { readonly kind: 'page'; readonly pass: number; readonly page: PackedPage };
