import { canonicalJson } from '../canonical.ts';
import type { SetupFault } from '../errors.ts';
import { type Fault, isError } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { compileMapping, type Mapping } from '../mapping/mapping.ts';
import type { Sample } from '../mapping/mapping-spec.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { PullJob } from './job.ts';

/** A broken promise of a sample: `at` leads to its line in the job file. */
export interface SampleFault extends Omit<SetupFault, 'where'> {
  readonly at: readonly (string | number)[];
}

/** Maps, completes and checks every sample of a pull job as a run would, and compares it with what it promises. */
export function sampleFaults(job: PullJob, type: UnifiedType, today: string): readonly SampleFault[] {
  const map = compileMapping(job.mapping);
  return job.samples.flatMap((sample, index) => {
    const broken = brokenPromises(sample, outcomeOf(sample, { job, type, map, today }));
    return broken.map(({ at, ...sentence }) => ({ ...sentence, at: ['samples', index, ...at] }));
  });
}

interface Outcome {
  readonly record: JsonObject;
  readonly faults: readonly Fault[];
}

interface Rehearsal {
  readonly job: PullJob;
  readonly type: UnifiedType;
  readonly map: Mapping;
  readonly today: string;
}

function outcomeOf({ raw }: Sample, { job, type, map, today }: Rehearsal): Outcome {
  const { record, faults: mapped } = map(raw);
  const faults = [...mapped, ...type.complete(record, job.authority)];
  return { record, faults: faults.some(isError) ? faults : [...faults, ...type.check(record, { today })] };
}

function brokenPromises({ gives, faults: promised = [] }: Sample, { record, faults }: Outcome): SampleFault[] {
  if (gives === undefined && promised.length === 0) {
    return [{ at: [], zh: '样例要写 gives 或 faults', en: 'a sample needs gives or faults' }];
  }
  const errors = faults.filter(isError);
  const missing = promised.filter((code) => !faults.some((fault) => fault.code === code));
  const unexpected = errors.filter(({ code }) => !promised.includes(code));
  return [
    ...missing.map((code) => ({
      at: ['faults'],
      zh: `样例应有问题 ${code}，实际没有（有：${codes(faults)}）`,
      en: `the sample promises fault ${code}, which does not come (found: ${codes(faults)})`,
    })),
    ...unexpected.map(({ code, path, zh, en }) => ({
      at: ['raw'],
      zh: `样例不合格：${path} ${code} ${zh}`,
      en: `the sample does not pass: ${path} ${code} ${en}`,
    })),
    ...differences(gives ?? {}, record),
  ];
}

const codes = (faults: readonly Fault[]): string => faults.map(({ code }) => code).join(', ') || '—';

/** Every promised value, by its dotted path, that the record does not have. */
function differences(gives: JsonObject, record: JsonObject): SampleFault[] {
  return Object.entries(gives).flatMap(([path, wanted]) => {
    const found = valueAt(record, path);
    if (isPart(wanted, found)) return [];
    const is = found === undefined ? '—' : canonicalJson(found);
    return [
      {
        at: ['gives', path],
        zh: `样例的 ${path} 应得 ${canonicalJson(wanted)}，实得 ${is}`,
        en: `the sample's ${path} should become ${canonicalJson(wanted)} but became ${is}`,
      },
    ];
  });
}

function valueAt(record: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = record;
  for (const name of path.split('.')) value = isJsonObject(value) ? value[name] : undefined;
  return value;
}

/** Objects may promise some members only; everything else must be equal. */
function isPart(wanted: Json, found: Json | undefined): boolean {
  if (found === undefined) return false;
  if (!isJsonObject(wanted)) return canonicalJson(wanted) === canonicalJson(found);
  return isJsonObject(found) && Object.entries(wanted).every(([name, value]) => isPart(value, found[name]));
}
