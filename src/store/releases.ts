import type { Fault } from '../fault.ts';
import { type Reader, select, type Tx } from './database.ts';

export interface Release {
  readonly recordId: number;
  readonly version: number;
  readonly faultCode: string;
  readonly by: string;
  readonly reason: string;
  readonly at: string;
}

/** Fault codes that people let pass, by `${record id}/${version}`; as few as people's decisions are. */
export async function readReleases(db: Reader): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  const rows = await select<{ record_id: number; version: number; fault_code: string }>(
    db,
    'SELECT record_id, version, fault_code FROM releases',
  );
  for (const row of rows) {
    const key = `${row.record_id}/${row.version}`;
    found.set(key, (found.get(key) ?? new Set<string>()).add(row.fault_code));
  }
  return found;
}

export async function addReleases(tx: Tx, releases: readonly Release[]): Promise<void> {
  await tx('releases').insert(
    releases.map((release) => ({
      record_id: release.recordId,
      version: release.version,
      fault_code: release.faultCode,
      released_by: release.by,
      reason: release.reason,
      released_at: release.at,
    })),
  );
}

/** Personal data may be released by a person who gives a reason; nothing else may. */
export const isReleasable = ({ code }: Fault): boolean => code.startsWith('PERSONAL_');
