import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_TABLE, MEMBER_TABLE } from '../../src/delivery/delivery-state.ts';

/** `node test/gate/draw-states.ts`: draws docs/delivery-states.md from the state tables; a test fails while it is not current. */

type Arrows = readonly (readonly [from: string, event: string, to: string])[];

export const arrowsOf = (table: { readonly [state: string]: { readonly [event: string]: string } }): Arrows =>
  Object.entries(table).flatMap(([from, row]) => Object.entries(row).map(([event, to]) => [from, event, to] as const));

export const batchArrows = arrowsOf(BATCH_TABLE as Parameters<typeof arrowsOf>[0]);
const memberArrows = arrowsOf(MEMBER_TABLE as Parameters<typeof arrowsOf>[0]);

/** Arrows between the same two states share a line. */
function chart(first: string, arrows: Arrows): string {
  const lines = new Map<string, string[]>();
  for (const [from, event, to] of arrows) {
    const ends = `${from} --> ${to}`;
    lines.set(ends, [...(lines.get(ends) ?? []), event]);
  }
  const drawn = [...lines].map(([ends, events]) => `    ${ends}: ${events.join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', `    [*] --> ${first}`, ...drawn, '```'].join('\n');
}

function grid(arrows: Arrows): string {
  const rows = Map.groupBy(arrows, ([from]) => from);
  const lines = [...rows].map(
    ([from, cells]) => `| ${from} | ${cells.map(([, event, to]) => `${event} → ${to}`).join(' · ')} |`,
  );
  return ['| state | event → state |', '|---|---|', ...lines].join('\n');
}

export const statesDocument = (): string => `# Where a batch and its members stand

Drawn from the tables of \`src/delivery/delivery-state.ts\` by \`node test/gate/draw-states.ts\`; do not edit. A cell that is not here is
the fault DELIVERY_ILLEGAL. What each event means stands in that file.

## Batch 批次

SETTLED and SPLIT are final; HELD waits for a person (\`hub batches release|close\`) and is still asked about now and then.

${chart('SEALED', batchArrows)}

${grid(batchArrows)}

## Member 批内记录

\`superseded\` and \`cancelled\` only while no intent to send it ever existed. Rejected and contradicting members keep an open ticket.

${chart('open', memberArrows)}

${grid(memberArrows)}
`;

export const statesFile = join(import.meta.dirname, '../../docs/delivery-states.md');

if (import.meta.main) writeFileSync(statesFile, statesDocument());

export const isCurrent = (): boolean => readFileSync(statesFile, 'utf8') === statesDocument();
