/** What a sandbox plays: everything else follows from these few values. */
export interface World {
  readonly seed: number | string;
  /** The first day that is played, `YYYY-MM-DD`. */
  readonly today: string;
  readonly size: Size;
  /** Share of further dirty records beside the one of each case, 0–1; 0 plays no dirty record at all. */
  readonly dirty: number;
}

/** One desk of the bureau each: three kinds of licence, penalties, enterprise registrations. */
export const KINDS = ['broadcast', 'publication', 'printing', 'penalty', 'enterprise'] as const;
export type Kind = (typeof KINDS)[number];
export type LicenceKind = 'broadcast' | 'publication' | 'printing';

type Size = { readonly [kind in Kind]: number };

/** How many records a caller asks for. `licences` is shared out one half, one quarter, one quarter. */
export interface SizeWish {
  readonly licences?: number;
  readonly broadcast?: number;
  readonly publication?: number;
  readonly printing?: number;
  readonly penalties?: number;
  readonly enterprises?: number;
}

export function sizeOf(wish: SizeWish = {}): Size {
  const licences = wish.licences ?? 600;
  const publication = wish.publication ?? Math.floor(licences / 4);
  const printing = wish.printing ?? Math.floor(licences / 4);
  return {
    broadcast: wish.broadcast ?? Math.max(0, licences - 2 * Math.floor(licences / 4)),
    publication,
    printing,
    penalty: wish.penalties ?? 120,
    enterprise: wish.enterprises ?? 300,
  };
}

/** One row as its system holds it: column → text. */
export interface Row {
  readonly [column: string]: string;
}
