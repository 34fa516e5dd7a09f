import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isNode, type Node } from 'yaml';
import { sha256 } from '../canonical.ts';
import type { SetupFault } from '../errors.ts';
import { checkMapping } from '../mapping/mapping-check.ts';
import type { Proven } from '../proven.ts';
import { readers } from '../rules/formats.ts';
import type { Form } from '../schema/outbound.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { Environment } from '../settings.ts';
import { ALARM_FILE } from './alarm-file.ts';
import { durationS } from './duration.ts';
import type { Duty, Job, PullJob, PushJob, Schedule } from './job.ts';
import { type SampleFault, sampleFaults } from './job-samples.ts';
import { type JobVocabulary, jobShape } from './job-schema.ts';
import { secretsOf } from './job-secrets.ts';
import { platformFaults } from './platform-check.ts';
import { checkShape } from './shape.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/** What job files may name: record types and outbound forms by name, and the hosts of HUB_ALLOWED_HOSTS (empty: all). */
export interface JobContext {
  readonly types: ReadonlyMap<string, UnifiedType>;
  readonly forms: ReadonlyMap<string, Pick<Form, 'columns' | 'dataClass'>>;
  readonly hosts?: readonly string[];
  /** `YYYY-MM-DD`, for samples with dates; default: today. */
  readonly today?: string;
  /** Samples that need not be tried again; `by`: digest of the schemas that they are judged by. */
  readonly proven?: { readonly by: string; readonly samples: Proven };
}

export interface LoadedJobs {
  /** In order of name; only the sound ones. */
  readonly jobs: readonly Job[];
  readonly faults: readonly SetupFault[];
  /** Values that came in by `${NAME}`: never to be traced. */
  readonly secrets: readonly string[];
}

/** Reads every `*.yaml` of `dir`. All faults at once, each with file, line and how to mend it. */
export function loadJobs(dir: string, env: Environment, context: JobContext): LoadedJobs {
  if (!existsSync(dir)) return { jobs: [], secrets: [], faults: [noFolder(dir)] };
  const files = readdirSync(dir)
    .filter((file) => /\.ya?ml$/.test(file) && file !== ALARM_FILE)
    .sort();
  const loaded = files.map((file) => loadJob(join(dir, file), env, context));
  return {
    jobs: loaded.flatMap(({ job }) => job ?? []),
    faults: oncePerVariable(loaded.flatMap(({ faults }) => faults)),
    secrets: loaded.flatMap(({ secrets }) => secrets),
  };
}

interface LoadedJob {
  readonly job?: Job;
  readonly faults: readonly SetupFault[];
  readonly secrets: readonly string[];
}

function loadJob(path: string, env: Environment, context: JobContext): LoadedJob {
  const file = readYaml(path, readFileSync(path, 'utf8'), env);
  const secrets = secretsOf(file, env);
  if (file.doc.errors.length > 0) return { faults: file.faults, secrets };
  const shapeFaults = [...file.faults, ...checkShape(file, file.root, jobShape(vocabularyOf(context)))];
  if (shapeFaults.length > 0) return { faults: shapeFaults, secrets };
  const job = toJob(path, file);
  const faults = [
    ...file.faults,
    ...nameFaults(path, job, file),
    ...(job.kind === 'pull' ? pullFaults(job, file, context) : pushFaults(job, file, context, env)),
  ];
  return faults.length > 0 ? { faults, secrets } : { job, faults, secrets };
}

const vocabularyOf = ({ types, forms, hosts = [] }: JobContext): JobVocabulary => ({
  types: [...types.keys()],
  forms: [...forms.keys()],
  formats: FORMAT_NAMES,
  hosts,
});

const FORMAT_NAMES: readonly string[] = Object.keys(readers);

/** The file as it stands after the shape check, plus what follows from its name and its duty. */
function toJob(path: string, file: YamlFile): Job {
  const name = basename(path).replace(/\.ya?ml$/, '');
  const { schedule, types, ...rest } = file.doc.toJS({ maxAliasCount: 100 }) as {
    kind: 'pull' | 'push';
    schedule?: { cron: string; catchUp?: string };
    types?: { [pattern: string]: string | string[] };
    duty?: Duty;
  };
  const head = { ...rest, name, file: path };
  if (rest.kind === 'pull') {
    return { ...head, ...(schedule ? { schedule: timed(schedule, '20h') } : {}) } as unknown as PullJob;
  }
  const rings = schedule && timed(schedule, '7d');
  const forms = Object.fromEntries(Object.entries(types ?? {}).map(([pattern, form]) => [pattern, [form].flat()]));
  const push = { ...head, types: forms, platformName: name.replace(/^push-/, '') };
  return (rings ? { ...push, schedule: rings } : push) as unknown as PushJob;
}

const timed = ({ cron, catchUp }: { cron: string; catchUp?: string }, usual: string): Schedule => ({
  cron,
  catchUpS: durationS(catchUp ?? usual) ?? 0,
});

function nameFaults(path: string, job: Job, file: YamlFile): SetupFault[] {
  if (!/^[a-z0-9][a-z0-9-]{0,99}$/.test(job.name)) {
    return [
      {
        where: path,
        line: 1,
        zh: '文件名只能用小写字母、数字和短横线',
        en: 'a file name has lower-case letters, digits and hyphens only',
      },
    ];
  }
  if (job.name.startsWith(`${job.kind}-`)) return [];
  return [
    file.fault(
      nodeAt(file, ['kind']),
      `kind 为 ${job.kind} 的文件名应以 ${job.kind}- 开头`,
      `a file with kind ${job.kind} is named ${job.kind}-….yaml`,
    ),
  ];
}

/** The mapping as a whole, and where it is sound, the samples. */
function pullFaults(job: PullJob, file: YamlFile, context: JobContext): SetupFault[] {
  const type = context.types.get(job.type);
  if (type === undefined) return [];
  const wrong = checkMapping(job.mapping).map(({ path, zh, en }) =>
    file.fault(nodeAt(file, ['mapping', path]), zh, en),
  );
  if (wrong.length > 0) return wrong;
  const broken = brokenSamples(job, type, context);
  return broken.map(({ at, zh, en }) => file.fault(nodeAt(file, at), zh, en));
}

function brokenSamples(job: PullJob, type: UnifiedType, { proven, ...context }: JobContext): readonly SampleFault[] {
  const today = context.today ?? new Date().toISOString().slice(0, 10);
  const { mapping, samples, authority } = job;
  const proof = sha256(JSON.stringify([proven?.by, type.name, authority, mapping, samples, today]));
  if (proven?.samples.has(proof) === true) return [];
  const broken = sampleFaults(job, type, today);
  if (broken.length === 0) proven?.samples.add(proof);
  return broken;
}

function pushFaults(job: PushJob, file: YamlFile, { forms }: JobContext, env: Environment): SetupFault[] {
  const used = Object.values(job.types).flatMap((names) => names.flatMap((name) => forms.get(name) ?? []));
  const context = {
    columns: new Set(used.flatMap(({ columns }) => columns.map(({ name }) => name))),
    dataClasses: new Set(used.map(({ dataClass }) => dataClass)),
    hasSecretKey: (env['HUB_SECRET_KEY'] ?? '') !== '',
  };
  const faults = platformFaults(job.platform, context).map(({ path, zh, en }) => {
    const place = ['platform', ...path];
    return file.fault(nodeAt(file, place), `${place.join('.')}：${zh}`, `${place.join('.')}: ${en}`);
  });
  return [...dutyFaults(job, file), ...faults];
}

function dutyFaults({ duty }: PushJob, file: YamlFile): SetupFault[] {
  if (duty === undefined || duty.due > duty.start) return [];
  return [
    file.fault(nodeAt(file, ['duty', 'due']), 'duty.due 应晚于 duty.start', 'duty.due must be later than duty.start'),
  ];
}

/** The node at a path, or the nearest one above it: for the line of a complaint. */
function nodeAt(file: YamlFile, path: readonly (string | number)[]): Node | null {
  for (let depth = path.length; depth > 0; depth--) {
    const node = file.doc.getIn(path.slice(0, depth), true);
    if (isNode(node)) return node;
  }
  return file.root;
}

/** A variable that is missing in many files is named once. */
function oncePerVariable(faults: readonly SetupFault[]): SetupFault[] {
  const seen = new Set<string>();
  return faults.filter(({ en }) => {
    if (!en.startsWith('the variable ')) return true;
    const fresh = !seen.has(en);
    seen.add(en);
    return fresh;
  });
}

const noFolder = (dir: string): SetupFault => ({
  where: 'HUB_JOBS_DIR',
  zh: `找不到作业文件夹 ${dir}`,
  en: `there is no folder ${dir} with jobs`,
});
