import { divisions, type Hub, type Setup } from '../hub-context.ts';
import { formsByType, type WantedForms } from '../job/forms-by-type.ts';
import type { PushJob } from '../job/job.ts';
import { wireFormOf } from '../platforms/index.ts';
import { readReleases } from '../store/releases.ts';
import type { Render } from './render.ts';

/** What decides, besides the schemas, how records are mapped to a platform's layout: plain data, which another thread can be told. */
export interface RenderPlan {
  readonly job: PushJob;
  readonly hubId: string;
  /** Pull job → 处室. */
  readonly divisions: ReadonlyMap<string, string>;
  readonly releases: Render['releases'];
  readonly approvedFiles: Setup['approvedFiles'];
}

export const renderPlan = async (hub: Hub, job: PushJob): Promise<RenderPlan> => ({
  job,
  hubId: hub.settings.hubId,
  divisions: divisions(hub.jobs),
  releases: await readReleases(hub.db),
  approvedFiles: hub.approvedFiles,
});

/** The same plan and schemas render the same bytes, wherever they are asked. */
export function rendering(
  { job, hubId, divisions: byJob, releases, approvedFiles }: RenderPlan,
  { types, forms }: Pick<Setup, 'types' | 'forms'>,
): Render & WantedForms {
  const { platform, platformName } = job;
  return {
    ...formsByType(job, types, forms),
    hubId,
    platformName,
    sender: platform.sender ?? { code: '', name: hubId },
    types,
    divisionOf: (name) => byJob.get(name) ?? name,
    releases,
    wire: wireFormOf(platform, forms.values(), approvedFiles),
  };
}
