import { sha256Bytes } from '../canonical.ts';
import { change, select, type Tx } from './database.ts';

/** How the rows of a page ended; read = accepted + unchanged + quarantined (delivery.md I1). */
export interface IntakeCounts {
  readonly accepted: number;
  readonly unchanged: number;
  readonly quarantined: number;
}

export interface IntakePart {
  readonly job: string;
  readonly runId: number;
  readonly externalId: string;
  /** Hex SHA-256 of the page or file. */
  readonly sha256: string;
  readonly counts: IntakeCounts;
  /** True for the last part of the page or file. */
  readonly end: boolean;
  readonly now: Date;
}

/**
 * The intake that these rows belong to: the open one of an interrupted file goes on, the same file read once more
 * on purpose becomes an intake of its own, named after its run.
 */
export async function openIntake(tx: Tx, part: Omit<IntakePart, 'counts' | 'end'>): Promise<number> {
  const known = await findIntake(tx, part.job, part.externalId, part.sha256);
  if (known === undefined) return insertIntake(tx, part, part.externalId);
  if (known.state === 'open') return known.id;
  const again = `${part.externalId}#${part.runId}`;
  const own = await findIntake(tx, part.job, again, part.sha256);
  return own?.id ?? insertIntake(tx, part, again);
}

export async function countIntake(
  tx: Tx,
  id: number,
  { accepted, unchanged, quarantined }: IntakeCounts,
  end: boolean,
): Promise<void> {
  await change(
    tx,
    `UPDATE intakes SET row_count = row_count + ?, accepted = accepted + ?, unchanged = unchanged + ?,
       quarantined = quarantined + ?, state = ? WHERE id = ?`,
    [accepted + unchanged + quarantined, accepted, unchanged, quarantined, end ? 'closed' : 'open', id],
  );
}

const identity = (job: string, externalId: string, sha256: string): Buffer =>
  sha256Bytes(`${job}\n${externalId}\n${sha256}`);

async function findIntake(tx: Tx, job: string, externalId: string, sha256: string) {
  const sql = 'SELECT id, state FROM intakes WHERE identity = ?';
  const [row] = await select<{ id: number; state: string }>(tx, sql, [identity(job, externalId, sha256)]);
  return row;
}

async function insertIntake(tx: Tx, part: Omit<IntakePart, 'counts' | 'end'>, externalId: string): Promise<number> {
  const [id] = await tx('intakes').insert({
    job: part.job,
    run_id: part.runId,
    external_id: externalId,
    sha256: Buffer.from(part.sha256, 'hex'),
    identity: identity(part.job, externalId, part.sha256),
    row_count: 0,
    accepted: 0,
    unchanged: 0,
    quarantined: 0,
    state: 'open',
    read_at: part.now.toISOString(),
  });
  return Number(id);
}
