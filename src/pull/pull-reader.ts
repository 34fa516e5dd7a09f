import { workerData } from 'node:worker_threads';
import type { PullJob } from '../job/job.ts';
import { compileMapping } from '../mapping/mapping.ts';
import { giveAhead } from '../read-ahead.ts';
import { loadSchemas } from '../schema/schema.ts';
import type { Settings } from '../settings.ts';
import type { Cursor } from '../source.ts';
import { openSource } from '../sources/index.ts';
import { openDatabase } from '../store/database.ts';
import { type PreparedPage, preparedPages } from './prepared-pages.ts';

/** The thread that reads a long pull ahead; see read-ahead.ts. */
export interface PullReader {
  readonly job: PullJob;
  readonly settings: Settings;
  readonly today: string;
  readonly rules: Uint8Array;
}

const { job, settings, today, rules } = workerData as PullReader;
const type = loadSchemas(settings.schemasDir, today).schemas.types.get(job.type);
if (type === undefined) throw new Error(`type ${job.type} is not loaded`);
const db = await openDatabase(settings.databaseUrl, { readonly: true });
const judge = { job, type, map: compileMapping(job.mapping), today, rules: Buffer.from(rules) };
const allowed = settings.allowedHosts.length === 0 ? {} : { allowedHosts: settings.allowedHosts };

giveAhead<Cursor, PreparedPage>(async function* (from) {
  const source = await openSource(job.source, { name: job.name, ...allowed });
  const options = { signal: new AbortController().signal, now: () => new Date() };
  try {
    yield* preparedPages(source, from, { db, options, judge: () => judge });
  } finally {
    await source.close();
  }
});
