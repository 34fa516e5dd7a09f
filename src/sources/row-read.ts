import type { RawRow } from '../source.ts';

/** A row as a reader hands it on; the place in the intake is counted by the source. */
export type RowRead = Omit<RawRow, 'rowNo'>;
