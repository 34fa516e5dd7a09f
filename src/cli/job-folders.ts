import { accessSync, constants, statSync } from 'node:fs';
import type { Job } from '../job/job.ts';

/** A folder that a job needs on this machine and cannot use: the run would fail, the set-up itself is sound. */
export interface FolderTrouble {
  readonly job: string;
  /** As the job's YAML calls it. */
  readonly member: string;
  readonly folder: string;
  readonly zh: string;
  readonly en: string;
}

/** Never made by the hub itself: a share that is not mounted must not be mistaken for its folder. */
export const folderTroubles = (jobs: readonly Job[]): readonly FolderTrouble[] =>
  jobs.flatMap((job) =>
    foldersOf(job).flatMap(({ member, folder, writes }) => {
      const trouble = troubleOf(folder, writes);
      return trouble === undefined ? [] : [{ job: job.name, member, folder, ...trouble }];
    }),
  );

interface JobFolder {
  readonly member: string;
  readonly folder: string;
  readonly writes: boolean;
}

function foldersOf(job: Job): readonly JobFolder[] {
  if (job.kind === 'pull') {
    const { source } = job;
    return source.use === 'files' ? [{ member: 'source.folder', folder: source.folder, writes: false }] : [];
  }
  const { platform } = job;
  if (platform.use === 'ferry') return [{ member: 'platform.outbox', folder: platform.outbox, writes: true }];
  if (platform.use !== 'excel') return [];
  const { folder, holdings } = platform;
  return [
    { member: 'platform.folder', folder, writes: true },
    ...(holdings === undefined ? [] : [{ member: 'platform.holdings.folder', folder: holdings.folder, writes: false }]),
  ];
}

function troubleOf(folder: string, writes: boolean): { readonly zh: string; readonly en: string } | undefined {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { zh: '没有这个目录，请建立或挂载', en: 'there is no such folder: make or mount it' };
  try {
    accessSync(folder, (writes ? constants.W_OK : constants.R_OK) | constants.X_OK);
    return undefined;
  } catch {
    return writes
      ? { zh: '不能写入，请给运行账号写权限', en: 'it cannot be written to: give the account of the hub that right' }
      : { zh: '不能读取，请给运行账号读权限', en: 'it cannot be read: give the account of the hub that right' };
  }
}
