import { HubError } from '../errors.ts';
import { inTransaction, type Reader } from '../store/database.ts';
import { readMark, setMark } from '../store/duty-marks.ts';
import { appendLog } from '../store/log.ts';
import type { Trace } from '../trace.ts';
import { copyOffsite, hasCopy, type OffsiteContext } from './offsite.ts';

/** The mark of a copy that does not come about: instant and code, at most 64 characters; empty once one arrived. */
const COPY_FAILED = 'backup-copy-failed';

export interface CopyFailure {
  readonly since: string;
  /** Code of the error, never its text: that may name accounts and paths. */
  readonly code: string;
}

/** Since when no copy gets over there, and why; `undefined` while all is well. */
export async function readCopyFailure(db: Reader): Promise<CopyFailure | undefined> {
  const [since = '', code = ''] = ((await readMark(db, COPY_FAILED)) ?? '').split(' ');
  return since === '' ? undefined : { since, code };
}

/** The copy of the day, unless it is over there already. False where it failed, which is kept for the alarm and, once, logged. */
export async function copyIfMissing(context: OffsiteContext, trace: Trace): Promise<boolean> {
  try {
    if (!(await hasCopy(context))) {
      const { name, sha256, removed } = await copyOffsite(context);
      trace.info('backup.copied', { name, sha256, removed });
    }
    await noteGood(context);
    return true;
  } catch (error) {
    trace.error('backup.failed', { error: error instanceof Error ? error.message : String(error) });
    if (!context.signal.aborted) await noteFailed(context, codeOf(error)).catch(() => undefined);
    return false;
  }
}

const codeOf = (error: unknown): string =>
  error instanceof HubError
    ? error.code
    : error instanceof Error && 'code' in error
      ? String(error.code)
      : 'HUB_BROKEN';

async function noteFailed({ db, now, actor }: OffsiteContext, code: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (await readMark(tx, COPY_FAILED)) return;
    await setMark(tx, COPY_FAILED, `${now().toISOString()} ${code.slice(0, 38)}`, now());
    await appendLog(tx, now(), [{ actor, action: 'database.copy-failed', detail: { code } }]);
  });
}

async function noteGood({ db, now }: OffsiteContext): Promise<void> {
  if (!(await readMark(db, COPY_FAILED))) return;
  await inTransaction(db, (tx) => setMark(tx, COPY_FAILED, '', now()));
}
