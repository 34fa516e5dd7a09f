/** A stretch of time; UTC text. */
export interface Stretch {
  readonly from: string;
  readonly to: string;
}

/** The parts of `span` in which no process was up, longer than a few minutes each; `up` in any order, overlaps allowed. */
export function downTime(span: Stretch, up: readonly Stretch[]): Stretch[] {
  const gaps: Stretch[] = [];
  let at = span.from;
  for (const { from, to } of up.toSorted((a, b) => a.from.localeCompare(b.from))) {
    if (from >= span.to) break;
    if (from > at) gaps.push({ from: at, to: from });
    if (to > at) at = to;
  }
  if (at < span.to) gaps.push({ from: at, to: span.to });
  return gaps.filter(({ from, to }) => Date.parse(to) - Date.parse(from) > SHORTEST_MS);
}

/** A restart, or the minute between two beats, is no outage. */
const SHORTEST_MS = 180_000;
