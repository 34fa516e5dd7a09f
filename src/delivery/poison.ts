/** Fewer refusals than this say nothing about a mapping, however small the batch. */
const FEWEST = 3;

/** More than 20 % of a batch is refused: then mapping or layout is wrong, not the data (delivery.md §1.5). */
export const tooMuchPoison = (refused: number, members: number): boolean => refused >= FEWEST && refused * 5 > members;
