import type { Hub } from '../../src/hub-context.ts';
import type { PullJob } from '../../src/job/job.ts';
import { type Pull, type Pulled, pull } from '../../src/pull/pull.ts';
import type { Page } from '../../src/source.ts';
import { pullJob, schemas, sourceOf } from './hub.ts';

/** A pull of these pages into a hub, with the project's own schemas; an Error among them is what the bureau fails with. */
export async function pullPages(
  hub: Hub,
  given: readonly (Page | Error)[],
  { job = pullJob(), ...change }: Partial<Pull> & { readonly job?: PullJob } = {},
): Promise<Pulled> {
  const type = schemas.types.get(job.type);
  if (type === undefined) throw new Error(job.type);
  return pull(job, {
    db: hub.db,
    source: sourceOf(...given),
    type,
    schemasDigest: schemas.digest,
    runId: 1,
    now: hub.now,
    localDate: hub.localDate,
    signal: new AbortController().signal,
    dryRun: false,
    acceptShrink: false,
    ...change,
  });
}
