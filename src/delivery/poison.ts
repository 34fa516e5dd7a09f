/** Fewer refusals than this say nothing about a mapping, however small the batch. */
const FEWEST = 3;

export const poisonShare = (refused: number, answered: number): boolean => refused * 5 > answered;

/** More than 20 % of a batch or run is refused: then mapping or layout is wrong, not the data (delivery.md §1.5). */
export const tooMuchPoison = (refused: number, answered: number): boolean =>
  refused >= FEWEST && poisonShare(refused, answered);
