import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMailAddress } from '../alarm-settings.ts';
import type { SetupFault } from '../errors.ts';
import type { Environment } from '../settings.ts';
import { didYouMean } from '../suggest.ts';
import type { Job } from './job.ts';
import { checkShape, optional, required, type Shape, text } from './shape.ts';
import { checked, day, list, object, oneOf } from './shape-words.ts';
import { readYaml } from './yaml-file.ts';

/** `jobs/alarms.yaml`: whom each division's daily mail goes to, and what runs out on a day that no machine can see. */
export interface AlarmFile {
  /** 处室 → mail addresses. */
  readonly divisions: { readonly [division: string]: readonly string[] };
  readonly watch: readonly WatchedDay[];
}

/** A token, a host key, a contract: warned of 60, 30 and 7 days before. */
export interface WatchedDay {
  readonly what: string;
  /** Last good day, `YYYY-MM-DD`. */
  readonly expires: string;
  /** How to renew it, one sentence. */
  readonly mend?: string;
}

/** The one file in the jobs folder that is no job. */
export const ALARM_FILE = 'alarms.yaml';

const NOTHING: AlarmFile = { divisions: {}, watch: [] };

/** Without the file nobody gets a daily mail. Faults have their lines. */
export function loadAlarmFile(
  jobsDir: string,
  env: Environment,
  jobs: readonly Job[],
): { readonly alarms: AlarmFile; readonly faults: readonly SetupFault[] } {
  const path = join(jobsDir, ALARM_FILE);
  if (!existsSync(path)) return { alarms: NOTHING, faults: [] };
  const file = readYaml(path, readFileSync(path, 'utf8'), env);
  if (file.doc.errors.length > 0) return { alarms: NOTHING, faults: file.faults };
  const faults = [...file.faults, ...checkShape(file, file.root, shapeOf(jobs))];
  if (faults.length > 0) return { alarms: NOTHING, faults };
  const { divisions, watch } = file.doc.toJS({ maxAliasCount: 100 }) as Partial<AlarmFile>;
  return { alarms: { divisions: divisions ?? {}, watch: watch ?? [] }, faults };
}

function shapeOf(jobs: readonly Job[]): Shape {
  const known = [...new Set(jobs.flatMap((job) => (job.kind === 'pull' ? job.division : [])))];
  const address = checked((value) =>
    isMailAddress(value) ? undefined : { zh: '应为一个邮箱地址', en: 'must be one mail address' },
  );
  const watched = object({ what: required(text), expires: required(day), mend: optional(text) });
  return object({
    kind: required(oneOf('alarms')),
    divisions: optional({ is: 'map', of: list(address, 1), key: (name) => strange(name, known) }),
    watch: optional(list(watched)),
  });
}

/** A division that no job names would never get a mail. */
function strange(name: string, known: readonly string[]): { zh: string; en: string } | undefined {
  if (known.length === 0 || known.includes(name)) return undefined;
  const hint = didYouMean(name, known);
  return {
    zh: `没有作业的 division 是“${name}”${hint.zh || `，现有 ${known.join('、')}`}`,
    en: `no job has the division "${name}"${hint.en || `; known are ${known.join(', ')}`}`,
  };
}
