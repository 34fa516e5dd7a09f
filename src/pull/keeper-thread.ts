import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from '../store/database.ts';
import { packError } from '../thread-error.ts';
import { type KeptPage, keepPages } from './keep-pages.ts';
import type { FromThread, KeepWork, PageMoment, ToThread } from './keeper-work.ts';
import { type PackedPage, unpackPage } from './packed-page.ts';
import type { RowText } from './read-row.ts';

/**
 * The thread of a long pull: keeps what lies ready, several pages in one transaction, since each commit writes most of an index anew
 * whatever it holds. After pages that could not be kept it keeps nothing more, so that no cursor runs ahead of its rows.
 */
const { databaseUrl, rules, ...rest } = workerData as KeepWork;
/** Cloned, a Buffer is plain bytes. */
const context = { ...rest, rules: Buffer.from(rules) };
const port = parentPort;
if (port === null) throw new Error('keeper-thread.ts runs as a thread');

/** Pages in one transaction, at most. */
const GROUP = 4;

const say = (message: FromThread): void => port.postMessage(message);
const waiting: { readonly page: PackedPage; readonly at: PageMoment }[] = [];
let given = (_texts: readonly RowText[]): void => {};
let ticketsOpen = false;
let busy = false;
let failed = false;
let ending = false;

const db = await openDatabase(databaseUrl);
port.on('message', (message: ToThread) => {
  if (message.kind === 'texts') return given(message.texts);
  if (message.kind === 'page') waiting.push(message);
  else ending = true;
  if (!busy) void work();
});
say({ kind: 'ready' });

async function work(): Promise<void> {
  busy = true;
  try {
    while (waiting.length > 0 && !failed) await keepNext(waiting.splice(0, GROUP));
  } catch (error) {
    failed = true;
    say({ kind: 'failed', error: packError(error) });
  }
  busy = false;
  if (ending) await end();
}

async function keepNext(group: typeof waiting): Promise<void> {
  ticketsOpen ||= group.some(({ at }) => at.ticketsOpen);
  const pages = group.map(
    ({ page, at }, place): KeptPage => ({ ...unpackPage(page, (rowNos) => textsOf(place, rowNos)), now: at.now }),
  );
  const taken = await keepPages(db, pages, { ...context, ticketsOpen });
  ticketsOpen ||= taken.some(({ counts }) => counts.quarantined > 0);
  say({ kind: 'kept', taken });
}

function textsOf(place: number, rowNos: readonly number[]): Promise<readonly RowText[]> {
  const { promise, resolve } = Promise.withResolvers<readonly RowText[]>();
  given = resolve;
  say({ kind: 'wanted', place, rowNos });
  return promise;
}

async function end(): Promise<void> {
  await db.destroy();
  port?.close();
}
