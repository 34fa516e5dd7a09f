import { HubError } from '../errors.ts';
import type { PageHead } from './prepared-pages.ts';

/** Watches over the full snapshots of a run: how many rows they have, over all the runs that read them. */
export interface SnapshotWatch {
  /**
   * Of each page before it is kept; how many rows to remember with it, if any. Where the source knows beforehand that the
   * snapshot shrank, nothing of it is written: throws SOURCE_SHRUNK.
   */
  see(page: PageHead): number | undefined;
  /** Once all pages are kept. Absence never means withdrawal, so what came stays, but a person must look: throws SOURCE_SHRUNK or SOURCE_INCOMPLETE. */
  close(): void;
}

/** A snapshot that lost more than this share of its rows is held for a person (delivery.md §1.1). */
const SHRINK = 0.05;

/** Known rows that nothing can have shrunk from. */
const NONE = 0;

/** `known`: rows of the last whole snapshot. `accepted`: a person has seen that it shrank and wants it all the same, from its first page on. */
export function watchSnapshot(known: number | undefined, accepted: boolean): SnapshotWatch {
  let last = known;
  let wrong: HubError | undefined;
  return {
    see({ snapshot, rowCount }) {
      if (snapshot === undefined) return undefined;
      const { expected } = snapshot;
      const came = snapshot.before + rowCount;
      const rows = expected ?? (snapshot.last ? came : undefined);
      if (rows === undefined) {
        // The runs to come know no number until the snapshot is whole, so that one that goes on has what was accepted.
        if (!accepted || last === undefined) return undefined;
        last = NONE;
        return NONE;
      }
      const shrank = isShrunk(rows, last);
      if (shrank && !accepted) {
        wrong = shrunk(rows, last ?? 0);
        if (expected !== undefined) throw wrong;
        return undefined;
      }
      const whole = snapshot.last && !isShrunk(came, expected);
      if (snapshot.last && !whole) wrong = incomplete(came, rows);
      if (!whole && !shrank) return undefined;
      last = rows;
      return rows;
    },
    close() {
      if (wrong !== undefined) throw wrong;
    },
  };
}

const isShrunk = (rows: number, known: number | undefined): boolean =>
  known !== undefined && known > 0 && rows < known * (1 - SHRINK);

const shrunk = (rows: number, known: number): HubError =>
  new HubError(
    'SOURCE_SHRUNK',
    `全量数据由 ${known} 条骤减为 ${rows} 条，已暂停等待人工确认 (a full snapshot shrank from ${known} to ${rows} rows; held)`,
    {
      remedy: 'give-up',
      fix: '请向业务处室核实；确认无误后用 hub run <作业> --accept-shrink --reason 原因 放行 (ask the division; if it is right, run again with --accept-shrink --reason)',
    },
  );

/** Rows came and went while the snapshot was read, or between the run that was interrupted and the one that went on. */
const incomplete = (came: number, rows: number): HubError =>
  new HubError(
    'SOURCE_INCOMPLETE',
    `来源共 ${rows} 条，只读到 ${came} 条：读取期间来源有变动 (${came} of ${rows} rows came: the source changed while it was read)`,
    {
      remedy: 'retry',
      fix: '已读到的都保留；下次运行从头重读 (what came is kept; the next run reads it again from the start)',
    },
  );
