import type { Job } from '../job/job.ts';
import { NIL_WAITING } from '../periods/unsettled-pulls.ts';
import { type EndedRun, endedRuns } from '../store/alarm-signs.ts';
import { type Check, type CheckContext, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/** Runs that failed or were held, and runs that brought nothing where something is usual. */
export const runCheck: Check = {
  name: 'runs',
  kinds: ['run', 'zero'],
  everyMs: MINUTE,
  look: async (context) => (await Promise.all(context.hub.jobs.map((job) => lookAt(job, context)))).flat(),
};

const LOOKED_AT = 12;

async function lookAt(job: Job, { hub }: CheckContext): Promise<Finding[]> {
  const runs = (await endedRuns(hub.db, job.name, LOOKED_AT)).map(read);
  return [...failure(job, runs, hub.now()), ...zero(job, runs)];
}

interface Run {
  readonly state: string;
  readonly dueAt: string | null;
  readonly endedAt: string;
  readonly code: string;
  readonly fix: string;
  readonly counts: { readonly [name: string]: number };
}

function read({ state, dueAt, endedAt, report }: EndedRun): Run {
  const { error, counts } = JSON.parse(report ?? '{}') as {
    error?: { code?: string; fix?: string };
    counts?: { readonly [name: string]: number };
  };
  return { state, dueAt, endedAt, code: error?.code ?? '', fix: error?.fix ?? '', counts: counts ?? {} };
}

/** Told elsewhere (held batches, the age of deliveries), or nothing has gone wrong at all. */
const ELSEWHERE = new Set([
  'BATCH_HELD',
  'PLATFORM_PAUSED',
  'RECEIPT_OUTSTANDING',
  'RUN_OVERLAPPING',
  'RUN_INTERRUPTED',
  NIL_WAITING,
]);
const ENOUGH = 3;
const RESTART_MS = 10 * MINUTE;

function failure(job: Job, all: readonly Run[], now: Date): Finding[] {
  const runs = all.filter(({ code }) => !ELSEWHERE.has(code));
  const good = runs.findIndex(({ state }) => state === 'done');
  const bad = good < 0 ? runs : runs.slice(0, good);
  const [last, first] = [bad[0], bad.at(-1)];
  if (last === undefined || first === undefined) return [];
  // A run that was cut off goes on by itself at the next start.
  if (last.state === 'died' && now.getTime() - Date.parse(last.endedAt) < RESTART_MS) return [];
  const held = last.state === 'held';
  const word = held ? ['被暂停', 'was held'] : last.state === 'died' ? ['中断', 'was cut off'] : ['失败', 'failed'];
  const times = bad.length > 1 ? [`，连续 ${bad.length} 次`, `, ${bad.length} times in a row`] : ['', ''];
  return [
    {
      subject: `run:${job.name}`,
      kind: 'run',
      level: job.kind === 'push' || held ? 'urgent' : 'warning',
      exhausted: held || bad.length >= ENOUGH,
      zh: `作业 ${job.name}（${job.title.zh}）${word[0]}${times[0]}，代码 ${last.code || '无'}`,
      en: `job ${job.name} ${word[1]}${times[1]}, code ${last.code || 'none'}`,
      fixZh: held ? '核实后按提示放行或处理' : '查看运行记录与原因，处理后补跑',
      fixEn: held ? 'verify, then release it as the run says' : 'see the run and its cause, mend it, run the job again',
      command: `hub runs --job ${job.name}`,
      since: first.endedAt,
    },
  ];
}

const USUAL = 5;

/** Zero is an alarm only where the five scheduled runs before all brought something. */
function zero(job: Job, runs: readonly Run[]): Finding[] {
  const count = job.kind === 'pull' ? 'read' : 'sealed';
  const due = runs.filter(({ state, dueAt }) => state === 'done' && dueAt !== null);
  const [last, ...before] = due.map(({ counts, endedAt }) => ({ n: counts[count] ?? 0, endedAt }));
  const usual = before.slice(0, USUAL);
  if (last === undefined || last.n > 0 || usual.length < USUAL || usual.some(({ n }) => n === 0)) return [];
  const least = Math.min(...usual.map(({ n }) => n));
  return [
    {
      subject: `zero:${job.name}`,
      kind: 'zero',
      level: 'warning',
      zh: `作业 ${job.name}（${job.title.zh}）这次是 0 条，此前 ${USUAL} 次每次至少 ${least} 条`,
      en: `job ${job.name} brought 0 records; the ${USUAL} runs before brought ${least} or more each`,
      fixZh: job.kind === 'pull' ? '请向业务处室核实是否确无新数据，接口是否正常' : '核实本期是否确无应报数据',
      fixEn:
        job.kind === 'pull' ? 'ask the division whether there was really nothing new' : 'verify that nothing was due',
      command: job.kind === 'pull' ? `hub runs --job ${job.name}` : `hub preview --platform ${job.platformName}`,
      since: last.endedAt,
    },
  ];
}
