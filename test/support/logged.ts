import { type Entry, readEntry } from '../../src/evidence/entry.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Db, select } from '../../src/store/database.ts';

/** Every entry of the log as its bytes have it, oldest first; what waits for the sequencer is placed first. */
export async function logged(db: Db, area = ''): Promise<Entry[]> {
  await sequenceAll(db);
  const rows = await select<{ entry: Buffer }>(db, 'SELECT entry FROM log_entries ORDER BY log_no, idx');
  const entries = rows.map(({ entry }) => {
    const read = readEntry(entry);
    if ('wrong' in read) throw new Error(read.wrong);
    return read.entry;
  });
  return entries.filter(({ action }) => action.startsWith(area));
}
