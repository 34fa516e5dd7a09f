import type { FileHandle } from 'node:fs/promises';
import { HubError } from '../errors.ts';
import type { Cursor, FilesSourceSpec, Page, RawRow, ReadOptions, Source } from '../source.ts';
import { type Drop, finishedFiles, openDrop } from './drop-folder.ts';
import { type FileCursor, isDone, markDone, readFileCursor } from './file-cursor.ts';
import { FileDamage } from './file-damage.ts';
import { diskBytes, type FilePart, partsOf, readPart } from './file-parts.ts';
import type { ConfirmFile, OpenOptions } from './open.ts';

const PAGE_ROWS = 1_000;

/**
 * Reads finished files of a drop folder in name order, each exactly once per content. Every file is read through
 * and counted before its first row is given out, so a damaged file is refused whole; it holds up no other file and
 * is named in one HubError at the end (SOURCE_FILE_REFUSED), and tried again the next time.
 */
export async function openFiles(spec: FilesSourceSpec, { confirm }: OpenOptions): Promise<Source> {
  const asks = spec.byHand === true ? confirm : undefined;
  return {
    pages: (from, options) => pages({ spec, asks }, readFileCursor(from), options),
    close: async () => undefined,
  };
}

interface Folder {
  readonly spec: FilesSourceSpec;
  readonly asks: ConfirmFile | undefined;
}

async function* pages({ spec, asks }: Folder, from: FileCursor, options: ReadOptions): AsyncGenerator<Page> {
  const manual = options.since !== undefined || options.until !== undefined;
  const refused: string[] = [];
  const waiting: string[] = [];
  let { files } = from;
  for (const drop of await finishedFiles(spec, options.signal)) {
    options.signal.throwIfAborted();
    if (manual ? !isBetween(drop, options) : isDone(from, drop)) continue;
    const checked = await check(drop, spec, options.signal);
    if ('damage' in checked) {
      refused.push(`${drop.name}: ${checked.damage}`);
      continue;
    }
    try {
      const before = files;
      const sameAsDone = !manual && before[drop.name]?.[0] === checked.sha256;
      // What was confirmed before a run was killed in the middle of it stays confirmed.
      const goesOn = sameAsDone || (!manual && from.current?.sha256 === checked.sha256);
      const waits = goesOn ? undefined : await asks?.({ name: drop.name, sha256: checked.sha256, rows: checked.rows });
      if (waits !== undefined) {
        waiting.push(`${drop.name}: ${waits}`);
        continue;
      }
      files = markDone(files, drop, checked.sha256);
      if (!sameAsDone)
        yield* filePages(checked, { spec, before, after: files, from: manual ? undefined : from.current, options });
    } finally {
      await checked.handle.close();
    }
  }
  if (refused.length > 0) throw refusal([...refused, ...waiting]);
  if (waiting.length > 0) throw unconfirmed(waiting);
}

/** A whole file, read through once and found sound. */
interface CheckedFile {
  readonly drop: Drop;
  readonly handle: FileHandle;
  readonly sha256: string;
  readonly parts: readonly FilePart[];
  readonly rows: number;
}

async function check(
  drop: Drop,
  spec: FilesSourceSpec,
  signal: AbortSignal,
): Promise<CheckedFile | { readonly damage: string }> {
  if (drop.refused !== undefined) return { damage: drop.refused };
  let handle: FileHandle | undefined;
  try {
    handle = await openDrop(drop);
    const { sha256, parts } = await partsOf(diskBytes(handle, drop.name, drop.size), spec);
    let rows = 0;
    for await (const batch of rowsOf(parts)) {
      signal.throwIfAborted();
      rows += batch.length;
    }
    return { drop, handle, sha256, parts, rows };
  } catch (error) {
    await handle?.close();
    signal.throwIfAborted();
    if (error instanceof FileDamage) return { damage: error.message };
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code !== '') return { damage: `无法读取 (cannot be read: ${code})` };
    throw error;
  }
}

async function* rowsOf(parts: readonly FilePart[]): AsyncGenerator<readonly Omit<RawRow, 'rowNo'>[]> {
  for (const part of parts) yield* readPart(part);
}

interface FilePages {
  readonly spec: FilesSourceSpec;
  /** Files done before and after this one. */
  readonly before: FileCursor['files'];
  readonly after: FileCursor['files'];
  readonly from: FileCursor['current'];
  readonly options: ReadOptions;
}

/** The second reading: pages of at most 1,000 rows behind the row where a killed run stopped. */
async function* filePages(file: CheckedFile, how: FilePages): AsyncGenerator<Page> {
  const { drop, sha256 } = file;
  const resumes = how.from?.name === drop.name && how.from.sha256 === sha256 && how.from.row < file.rows;
  const skip = resumes ? (how.from?.row ?? 0) : 0;
  let page: RawRow[] = [];
  let rowNo = 0;
  const cut = (rows: readonly RawRow[]): Page => {
    const isLast = rowNo === file.rows;
    const current = { name: drop.name, sha256, row: rowNo };
    const cursor = (isLast
      ? { files: how.after }
      : { files: how.before, current }) satisfies FileCursor as unknown as Cursor;
    const snapshot = how.spec.snapshot === true && how.options.since === undefined && how.options.until === undefined;
    const before = rowNo - rows.length;
    const place = { before, resumed: before > 0 && before === skip, expected: file.rows, last: isLast };
    const head = { externalId: drop.name, sha256, endOfIntake: isLast, rows, cursor };
    return snapshot ? { ...head, snapshot: place } : head;
  };
  for await (const batch of rowsOf(file.parts)) {
    for (const row of batch) {
      rowNo += 1;
      if (rowNo <= skip) continue;
      page.push({ rowNo, ...row });
      if (page.length < PAGE_ROWS || rowNo === file.rows) continue;
      yield cut(page);
      how.options.signal.throwIfAborted();
      page = [];
    }
  }
  await refuseChanged(file, rowNo);
  yield cut(page);
}

/** The last page, which marks the file as done, is only given out if the file is still the one that was checked. */
async function refuseChanged(file: CheckedFile, rows: number): Promise<void> {
  const { size, mtimeMs } = await file.handle.stat();
  if (rows === file.rows && size === file.drop.size && Math.trunc(mtimeMs) === file.drop.mtime) return;
  throw new HubError('SOURCE_FILE_CHANGED', `${file.drop.name} 在读取时被改动 (changed while it was read)`, {
    remedy: 'retry',
    fix: '请来源方先写临时文件名再改名,或使用 marker (write under a temporary name and rename, or use `marker`)',
  });
}

/** By the file's own time, as a date in China. */
function isBetween(drop: Drop, { since, until }: ReadOptions): boolean {
  const date = new Date(drop.mtime + 8 * 3600_000).toISOString().slice(0, 10);
  return (since === undefined || date >= since) && (until === undefined || date <= until);
}

const refusal = (refused: readonly string[]): HubError =>
  new HubError('SOURCE_FILE_REFUSED', `${refused.length} 个文件未收 (files refused): ${refused.join('; ')}`, {
    remedy: 'give-up',
    fix: '请来源方重新导出所列文件后覆盖;其余文件已收 (have the listed files exported again; all others were taken)',
  });

const unconfirmed = (waiting: readonly string[]): HubError =>
  new HubError('SOURCE_UNCONFIRMED', `${waiting.length} 个人工投放的文件待审批 (files wait): ${waiting.join('; ')}`, {
    remedy: 'give-up',
    fix: '由另一人审批后再运行；其余文件已收 (another person approves, then run again; all others were taken)',
  });
