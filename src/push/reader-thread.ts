import { parentPort, workerData } from 'node:worker_threads';
import { confirmedBy } from '../periods/confirmation.ts';
import { loadSchemas } from '../schema/schema.ts';
import { keepFewPages, openDatabase } from '../store/database.ts';
import { packError } from '../thread-error.ts';
import { packPage } from './packed-page.ts';
import { type PendingPages, pendingPages } from './pending-page.ts';
import type { FromReader, Pass, ReaderWork, ToReader } from './reader-work.ts';
import { rendering } from './rendering.ts';

/** The thread of a long push: reads and renders the next pages while those before are sealed and sent. Writes nothing. */
const { databaseUrl, schemasDir, schemasDigest, plan, confirmations, ...bounds } = workerData as ReaderWork;
/** Cloned, a Buffer is plain bytes. */
const files = [...(plan.approvedFiles ?? [])].map(([path, bytes]) => [path, Buffer.from(bytes)] as const);
const port = parentPort;
if (port === null) throw new Error('reader-thread.ts runs as a thread');

const say = (message: FromReader): void => port.postMessage(message);

/** The hub has judged these very files by their digest. */
const JUDGED = { has: () => true, add: () => undefined };
const { schemas, faults } = loadSchemas(schemasDir, undefined, JUDGED);
const db = await openDatabase(databaseUrl);
await keepFewPages(db);
const context: PendingPages = {
  ...rendering({ ...plan, approvedFiles: new Map(files) }, schemas),
  ...bounds,
  db,
  confirmed: confirmations === undefined ? undefined : confirmedBy(plan.job, confirmations),
};

/** The pass that is wanted, and how many of its pages may be handed over; 0: none. */
let wanted = 0;
let allowed = 0;
let wake = (): void => {};

port.on('message', (message: ToReader) => {
  if (message.kind === 'pass') void work(message);
  else if (message.kind === 'more') allowed += 1;
  else wanted = 0;
  wake();
  if (message.kind === 'end') void db.destroy().then(() => port.close());
});
if (faults.length > 0 || schemas.digest !== schemasDigest)
  throw new Error('the schemas in the folder are not those of the hub');
say({ kind: 'ready' });

/** One that was stopped may still be reading when the next one begins. */
async function work({ pass, operation, afterId }: Pass): Promise<void> {
  wanted = pass;
  allowed = 0;
  try {
    for await (const page of pendingPages(operation, context, afterId)) {
      if (!(await mayLeave(pass))) return;
      say({ kind: 'page', pass, page: packPage(page) });
    }
  } catch (error) {
    say({ kind: 'failed', error: packError(error) });
  }
}

/** Waits until a page may be handed over; false when nobody wants the pass any more. */
async function mayLeave(pass: number): Promise<boolean> {
  while (allowed === 0 && wanted === pass) {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    await promise;
  }
  if (wanted !== pass) return false;
  allowed -= 1;
  return true;
}
