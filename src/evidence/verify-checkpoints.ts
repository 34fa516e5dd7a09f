import { type CheckpointRow, readCheckpoints } from '../store/checkpoints.ts';
import type { Reader } from '../store/database.ts';
import { openCheckpoint, readCheckpoint } from './checkpoint.ts';
import type { Findings } from './findings.ts';
import { appendAll, type CompactRange, rootOf } from './merkle.ts';
import type { NoteKey } from './note.ts';

interface Checked {
  readonly logNo: number;
  readonly keys: readonly NoteKey[];
  readonly findings: Findings;
  /** The entries that introduced their keys were pruned, and nobody brought the keys: signatures cannot be checked. */
  readonly keysPruned?: boolean;
}

/** Rows read at once. */
const AT_ONCE = 100;

const at = (table: string, logNo: number, size: number): string => `${table} ${logNo}/${size}`;

/** Checkpoints whose size lies within the next leaves: signature and root. */
export async function checkCheckpoints(
  db: Reader,
  from: CompactRange,
  leaves: readonly Buffer[],
  context: Checked,
): Promise<number> {
  let range = from;
  let count = 0;
  for (;;) {
    const rows = await readCheckpoints(db, context.logNo, range.size, AT_ONCE);
    const within = rows.filter(({ size }) => size <= from.size + leaves.length);
    for (const row of within) {
      range = appendAll(range, leaves.slice(range.size - from.size, row.size - from.size));
      checkCheckpoint(row, rootOf(range), context);
    }
    count += within.length;
    if (within.length < AT_ONCE) return count;
  }
}

function checkCheckpoint(
  row: CheckpointRow,
  root: Buffer,
  { logNo, keys, keysPruned = false, findings }: Checked,
): void {
  const where = at('checkpoints', logNo, row.size);
  const read = readCheckpoint(row.note);
  if ('wrong' in read) {
    findings.add({ code: 10, where, zh: `检查点格式不对：${read.wrong}`, en: `malformed checkpoint: ${read.wrong}` });
    return;
  }
  const opened = openCheckpoint(row.note, keys);
  if ('wrong' in opened && !keysPruned)
    findings.add({ code: 10, where, zh: `签名不成立：${opened.wrong}`, en: `bad signature: ${opened.wrong}` });
  if (read.size !== row.size || !read.root.equals(row.root) || read.origin !== row.origin)
    findings.add({ code: 15, where, zh: '检查点的列与签名文本不符', en: 'columns differ from the signed text' });
  if (read.root.equals(root)) return;
  const said = `${read.root.toString('base64')} ≠ ${root.toString('base64')}`;
  findings.add({
    code: 11,
    where,
    zh: `前 ${row.size} 条的树根与检查点不同：${said}`,
    en: `the root of the first ${row.size} entries is another: ${said}`,
  });
}

/** Checkpoints for entries that are not there any more. */
export async function checkpointsBeyond(db: Reader, size: number, { logNo, findings }: Checked): Promise<number> {
  const rows = await readCheckpoints(db, logNo, size, AT_ONCE);
  const last = rows.at(-1);
  if (last === undefined) return 0;
  findings.add({
    code: 12,
    where: at('checkpoints', logNo, last.size),
    zh: `已签 ${last.size} 条，只有 ${size} 条：尾部缺失`,
    en: `${last.size} entries were signed, ${size} are there: the tail is missing`,
  });
  return rows.length;
}
