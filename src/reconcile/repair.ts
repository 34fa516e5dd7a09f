import type { PullJob } from '../job/job.ts';
import type { Compared, OpenDifference } from '../store/reconciliations.ts';

const KEYS_PER_COMMAND = 50;
/** More than this is no list of records any more: whole types are named. */
const KEYS_IN_ALL = 1000;

/** The exact commands that repair what was found, to be pasted; nothing is repaired without a person. */
export function repairCommands(
  compared: Compared & { readonly id: number; readonly job?: PullJob | undefined },
  differences: readonly OpenDifference[],
): string[] {
  if (differences.length === 0) return [];
  const reason = `--reason "对账 ${compared.id}"`;
  if (compared.kind === 'bureau') return pullCommands(compared, differences, reason);
  const known = differences.filter(({ recordId, cause }) => recordId !== null && cause !== 'rejected');
  const head = `hub resync --platform ${compared.scope} --again`;
  if (known.length > KEYS_IN_ALL) {
    const types = [...new Set(known.flatMap(({ type }) => type ?? []))].toSorted();
    return types.map((type) => `${head} --type ${type} ${reason}`);
  }
  const commands: string[] = [];
  for (let from = 0; from < known.length; from += KEYS_PER_COMMAND) {
    const keys = known.slice(from, from + KEYS_PER_COMMAND).map(({ name }) => `--key ${name}`);
    commands.push(`${head} ${keys.join(' ')} ${reason}`);
  }
  return commands;
}

/** What the library lacks is read again; what only the library has is for the division to say. */
function pullCommands(
  { scope, job }: { scope: string; job?: PullJob | undefined },
  differences: readonly OpenDifference[],
  reason: string,
): string[] {
  if (differences.every(({ state }) => state === 'extra')) return [];
  const source = job?.source;
  const resumes =
    source !== undefined &&
    (source.use === 'sql' ? source.updatedAt : source.use === 'http' ? source.cursor : undefined) !== undefined;
  return [`hub run ${scope}${resumes ? ' --since 1949-10-01' : ''} ${reason}`];
}

/** What no command repairs. */
export function remarks({ kind, scope }: Compared, differences: readonly OpenDifference[]): string[] {
  const said: string[] = [];
  const count = (wanted: (one: OpenDifference) => boolean): number => differences.filter(wanted).length;
  if (kind === 'bureau') {
    const gone = count(({ state }) => state === 'extra');
    if (gone > 0)
      said.push(
        `${gone} 条在库而业务系统已没有：不等于撤回，请处室核实 (${gone} are gone at the bureau, which is no withdrawal: ask the division)`,
      );
    return said;
  }
  const strangers = count(({ recordId }) => recordId === null);
  if (strangers > 0)
    said.push(
      `${strangers} 条不在证照库中：请联系平台 ${scope} 查明来源并下架 (${strangers} are unknown to the library: ask the platform where they come from)`,
    );
  const rejected = count(({ cause }) => cause === 'rejected');
  if (rejected > 0)
    said.push(
      `${rejected} 条平台退回过却持有：请与平台核对 (${rejected} were rejected and are held all the same: clear them with the platform)`,
    );
  return said;
}
