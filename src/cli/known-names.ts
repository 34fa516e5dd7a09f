import type { Job } from '../job/job.ts';
import type { Reader } from '../store/database.ts';
import { type NameKind, namesOnRecord } from '../store/known-names.ts';
import { didYouMean } from '../suggest.ts';
import { notThere } from './print.ts';
import { readSetup } from './setup.ts';

export type Filters = { readonly [K in NameKind]?: string | undefined };

/**
 * Refuses a filter that names a job, platform or division that neither the set-up nor anything on record knows: an empty answer to a
 * slip of the pen reads as if nothing were there.
 */
export async function refuseUnknown(db: Reader, filters: Filters): Promise<void> {
  const asked = KINDS.flatMap((kind) => (filters[kind] === undefined ? [] : [[kind, filters[kind]] as const]));
  if (asked.length === 0) return;
  const { jobs } = readSetup();
  for (const [kind, name] of asked) {
    const planned = new Set(jobs.flatMap((job) => NAMES[kind](job)));
    if (planned.has(name)) continue;
    const known = [...planned.union(new Set(await namesOnRecord(db, kind)))].sort();
    if (!known.includes(name)) throw unknown(kind, name, known);
  }
}

const KINDS = ['job', 'platform', 'division'] as const;

const NAMES: { readonly [K in NameKind]: (job: Job) => readonly string[] } = {
  job: ({ name }) => [name],
  platform: (job) => (job.kind === 'push' ? [job.platformName] : []),
  division: (job) => (job.kind === 'pull' ? [job.division] : []),
};

const WORDS = {
  job: { code: 'JOB_UNKNOWN', zh: '作业', en: 'job', all: '现有作业 (jobs)' },
  platform: { code: 'PLATFORM_UNKNOWN', zh: '平台', en: 'platform', all: '现有平台 (platforms)' },
  division: { code: 'DIVISION_UNKNOWN', zh: '处室', en: 'division', all: '现有处室 (divisions)' },
} as const;

function unknown(kind: NameKind, name: string, known: readonly string[]) {
  const { code, zh, en, all } = WORDS[kind];
  const hint = didYouMean(name, known);
  return notThere(
    code,
    `没有${zh} ${name}${hint.zh}`,
    `there is no ${en} ${name}${hint.en}`,
    `${all}: ${known.join(', ') || '—'}`,
  );
}
