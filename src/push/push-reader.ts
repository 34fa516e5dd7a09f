import { workerData } from 'node:worker_threads';
import { formsByType } from '../job/forms-by-type.ts';
import type { PushJob } from '../job/job.ts';
import { giveAhead } from '../read-ahead.ts';
import { loadSchemas } from '../schema/schema.ts';
import type { Settings } from '../settings.ts';
import { openDatabase } from '../store/database.ts';
import { type Pass, type ReadyBatches, readyBatches, type Stretch } from './ready-batches.ts';

/** The thread that reads and renders a long push ahead; see read-ahead.ts. */
export interface PushReader extends Pick<ReadyBatches, 'hubId' | 'platformName' | 'sender' | 'releases' | 'batchSize'> {
  readonly job: PushJob;
  readonly settings: Settings;
  readonly today: string;
  /** 处室 by pull job. */
  readonly divisions: ReadonlyMap<string, string>;
}

const { job, settings, today, divisions, ...render } = workerData as PushReader;
const { types, forms } = loadSchemas(settings.schemasDir, today).schemas;
const db = await openDatabase(settings.databaseUrl, { readonly: true });
const divisionOf = (name: string): string => divisions.get(name) ?? name;
const wanted = formsByType(job, types, forms);

giveAhead<Pass, Stretch>((pass) => readyBatches(pass, { ...render, ...wanted, db, types, divisionOf }));
