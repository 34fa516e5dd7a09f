import { createHash } from 'node:crypto';
import type { JsonObject } from '../../src/json.ts';
import type { FarRecord } from './contract.ts';

export interface FarRow {
  readonly rowId: string;
  readonly op: 'U' | 'D';
  readonly data: JsonObject;
}

export interface FarResult {
  readonly rowId: string;
  readonly code: string;
  readonly reason: string;
}

/** What a simulated platform keeps, whatever its wire: packages by id with their digest, records by row id. */
export interface FarStore {
  /** Takes a package in once; `other`: it came before with other bytes. */
  readonly take: (id: string, body: Uint8Array, rows: readonly FarRow[]) => 'taken' | 'same' | 'other';
  readonly find: (id: string) => { readonly digest: string; readonly results: readonly FarResult[] } | undefined;
  readonly reject: (rowId: string, code: string, reason: string) => void;
  readonly held: () => readonly FarRecord[];
}

export function farStore(): FarStore {
  const packages = new Map<string, { digest: string; results: FarResult[] }>();
  const records = new Map<string, FarRecord>();
  const poison = new Map<string, FarResult>();
  return {
    take: (id, body, rows) => {
      const digest = createHash('sha256').update(body).digest('hex');
      const before = packages.get(id);
      if (before !== undefined) return before.digest === digest ? 'same' : 'other';
      for (const row of rows) {
        if (!poison.has(row.rowId)) records.set(row.rowId, { ...row, times: (records.get(row.rowId)?.times ?? 0) + 1 });
      }
      const results = rows.map(({ rowId }) => poison.get(rowId) ?? { rowId, code: 'OK', reason: '' });
      packages.set(id, { digest, results });
      return 'taken';
    },
    find: (id) => packages.get(id),
    reject: (rowId, code, reason) => void poison.set(rowId, { rowId, code, reason }),
    held: () => [...records.values()].toSorted((a, b) => (a.rowId < b.rowId ? -1 : 1)),
  };
}
