import { sha256 } from '../canonical.ts';
import { readCursor, writeCursor } from './cursors.ts';
import { type Db, inTransaction } from './database.ts';

/** How far the notices of a platform were taken: the id of the last one. Written after the notice itself, so that none is passed over. */
export interface NoticeCursor {
  read(): Promise<string | undefined>;
  write(id: string, now: Date): Promise<void>;
}

export function noticeCursor(db: Db, platform: string): NoticeCursor {
  // No job has a colon in its name.
  const name = `notices:${platform.length <= 56 ? platform : sha256(platform).slice(0, 56)}`;
  return {
    async read() {
      const after = (await readCursor(db, name))?.value['after'];
      return typeof after === 'string' ? after : undefined;
    },
    write: (after, now) => inTransaction(db, (tx) => writeCursor(tx, name, { after }, now)),
  };
}
