import { parentPort, workerData } from 'node:worker_threads';
import type { KeeperData, KeeperSays } from '../evidence/keep-log.ts';
import { keepLog } from '../evidence/keep-log.ts';
import { signerFiles } from '../evidence/signer-files.ts';
import { openDatabase } from '../store/database.ts';
import { silentTrace, type TraceFields } from '../trace.ts';

/** The thread of `hub serve` that gives log entries their place. Any message means: come to an end. */
const { databaseUrl, signerKey } = workerData as KeeperData;
const stop = new AbortController();
parentPort?.on('message', () => stop.abort(new Error('stopping')));

const say = (event: string, fields: TraceFields = {}): void =>
  parentPort?.postMessage({ event, error: String(fields['error'] ?? '') } satisfies KeeperSays);

const db = await openDatabase(databaseUrl);
try {
  const trace = { ...silentTrace, error: say };
  const signer = signerKey === undefined ? undefined : signerFiles(signerKey);
  await keepLog({ db, trace, signal: stop.signal, now: () => new Date(), signer });
} finally {
  await db.destroy();
  parentPort?.close();
}
