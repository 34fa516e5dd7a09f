import type { BatchState } from '../delivery/delivery-state.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { readPackage } from '../store/batch-package.ts';
import { listBatches } from '../store/outbox.ts';
import type { SentRecord } from './match-rows.ts';

const OPEN: readonly BatchState[] = ['SENDING', 'UNKNOWN', 'RECEIVED', 'HELD'];
const MOST_BATCHES = 500;

interface Package {
  readonly records: readonly { readonly rowId: string; readonly data: { readonly [column: string]: unknown } }[];
}

/** Records of a platform's newest batches: those that wait for an answer, or those that have theirs. */
export async function sentRecords(
  { db }: Hub,
  platform: string,
  which: 'open' | 'settled',
): Promise<readonly SentRecord[]> {
  const states = which === 'open' ? OPEN : (['SETTLED'] as const);
  const records: SentRecord[] = [];
  for (const { id, seq } of await listBatches(db, { platform, states, limit: MOST_BATCHES })) {
    const sent: Package = JSON.parse((await readPackage(db, seq)).toString('utf8'));
    for (const { rowId, data } of sent.records) records.push({ batchId: id, idemKey: rowId, data });
  }
  return records;
}

/** Title or code of a column → its code, over all forms that a job sends and the titles that its template uses. */
export function columnCodes({ forms }: Hub, job: PushJob): (column: string) => string | undefined {
  const codes = new Map<string, string>();
  for (const name of Object.values(job.types).flat()) {
    for (const column of forms.get(name)?.columns ?? []) {
      codes.set(column.title.zh, column.name);
      codes.set(column.name, column.name);
    }
  }
  const own = 'titles' in job.platform ? (job.platform.titles ?? {}) : {};
  for (const [code, title] of Object.entries(own)) codes.set(title, code);
  return (column) => codes.get(column.trim());
}
