import { type Entry, readEntry } from '../evidence/entry.ts';
import type { Json } from '../json.ts';
import type { Reader } from '../store/database.ts';
import { type PackEntryRow, requestFacts } from '../store/evidence-rows.ts';

/** Requests to a second person that disclosed entries speak of, each with the places of its `approval.*` entries. */
export async function approvalsIn(db: Reader, entries: readonly PackEntryRow[]): Promise<Json> {
  const indices = new Map<number, number[]>();
  for (const { index, entry: bytes } of entries) {
    const read = readEntry(bytes);
    const id = 'entry' in read ? requestOf(read.entry) : undefined;
    if (id !== undefined) indices.set(id, [...(indices.get(id) ?? []), index]);
  }
  const facts = await requestFacts(db, [...indices.keys()]);
  return facts.map((request) => ({ ...request, entries: indices.get(request.id) ?? [] }));
}

function requestOf({ action, evidence }: Entry): number | undefined {
  const { request } = evidence;
  return action.startsWith('approval.') && typeof request === 'string' && /^\d{1,9}$/.test(request)
    ? Number(request)
    : undefined;
}
