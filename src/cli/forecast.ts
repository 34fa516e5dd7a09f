import { existsSync } from 'node:fs';
import type { Held } from '../accounts/approved-setup.ts';
import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import { type ForecastLine, forecast } from '../duty/plan.ts';
import type { Setup } from '../hub-context.ts';
import type { Duty, Job } from '../job/job.ts';
import { openDatabase } from '../store/database.ts';
import { listPauses } from '../store/stops.ts';
import { localDate, positive } from './argument.ts';
import type { Define } from './command.ts';
import { complain, plain, printJson, printTable, wrongUsage } from './print.ts';
import { type ReadSetup, readSoundSetup } from './setup.ts';

interface ForecastOptions {
  readonly months: number;
  readonly from?: string;
  readonly to?: string;
  readonly approved?: boolean;
  readonly json?: boolean;
}

/**
 * `hub forecast`: when each duty falls due, and what moved it off its day. Needs no database. Where a change of the files waits for a
 * second person, each line says whether it is in force, and `--approved` shows the days that are.
 */
export const forecastCommand: Define = (program, act) => {
  program
    .command('forecast')
    .description('各项报送职责今后各期何时报送、何时到期、为何改期 (when each duty falls due, and what moved it)')
    .option('--months <n>', '从今天起几个月 (months from today)', positive, 12)
    .option('--from <date>', '自此日起，连同上线前的日期 (from this day, days before go-live included)', localDate)
    .option('--to <date>', '到此日止 (up to this day)', localDate)
    .option('--approved', '只看现行有效的：已批准的作业与日历 (what is in force: jobs and calendar as approved)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (options: ForecastOptions) => {
        const files = readSoundSetup();
        const { setup: inForce, held } = files.settings.approvals ? await inForceOf(files) : { setup: files };
        const shown = options.approved ? inForce : files;
        const forced = new Set(forecastLines(inForce, options).map(asWord));
        const lines = (await withPauses(forecastLines(shown, options), shown)).map((line) => ({
          ...line,
          inForce: forced.has(asWord(line)),
        }));
        if (options.json) printJson(lines);
        else printForecast(lines, held !== undefined && !options.approved);
        if (held !== undefined) (await import('./check-held.ts')).tellHeld(held);
        if (held !== undefined && !options.approved)
          complain('  以上按文件；现行有效的见 (by the files; what is in force): hub forecast --approved');
        return 0;
      }),
    );
};

async function inForceOf(setup: ReadSetup): Promise<{ readonly setup: Setup; readonly held?: Held }> {
  try {
    return await (await import('./check-held.ts')).readInForce(setup);
  } catch {
    complain('连不上数据库，哪些改动待批不得而知 (cannot reach the database: what waits for approval is not known)');
    return { setup };
  }
}

/** Two lines with the same word say the same to whoever plans by them. */
const asWord = ({ duty, period, planned, due }: ForecastLine): string => [duty, period, planned, due].join(' ');

function forecastLines(setup: Setup, { months, from, to }: ForecastOptions): ForecastLine[] {
  const { calendar, settings, jobs } = setup;
  const today = localDay(new Date(), settings.timezone);
  const given = from !== undefined || to !== undefined;
  const span = { from: from ?? today, to: to ?? addDays(from ?? today, Math.round((months * 365.25) / 12)) };
  if (span.to < span.from)
    throw wrongUsage('--to 早于 --from', '--to lies before --from', '请对调两个日期 (swap the two)');
  return jobs
    .filter(hasDuty)
    .flatMap(({ name, duty }) => {
      const counted = given ? { ...duty, goLive: '0000-01-01' } : duty;
      return forecast({ name, duty: counted }, span, { calendar, zone: settings.timezone });
    })
    .toSorted((a, b) => a.planned.localeCompare(b.planned) || a.duty.localeCompare(b.duty));
}

/** One line, and why nothing would leave now. */
interface ShownLine extends ForecastLine {
  /** Reason of the pause of its platform, if a person has paused it. */
  readonly paused: string | null;
  /** These days count now; false: a second person has not said yes to them. */
  readonly inForce: boolean;
}

/** A forecast needs no database; where there is one, it says which platforms are paused. */
async function withPauses(
  lines: readonly ForecastLine[],
  { jobs, settings }: Setup,
): Promise<Omit<ShownLine, 'inForce'>[]> {
  const pauses = await readPauses(settings.databaseUrl);
  return lines.map((line) => {
    const job = jobs.find(({ name }) => name === line.duty);
    const platform = job?.kind === 'push' ? job.platformName : '';
    return { ...line, paused: pauses.get(platform) ?? null };
  });
}

async function readPauses(url: string): Promise<ReadonlyMap<string, string>> {
  const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
  if (file !== undefined && !existsSync(file)) return new Map();
  try {
    const db = await openDatabase(url);
    try {
      if (!(await db.schema.hasTable('pauses'))) return new Map();
      return new Map((await listPauses(db)).map(({ platform, reason }) => [platform, reason]));
    } finally {
      await db.destroy();
    }
  } catch {
    complain('连不上数据库，是否有平台被暂停不得而知 (cannot reach the database: pauses are not known)');
    return new Map();
  }
}

const hasDuty = (job: Job): job is Job & { readonly duty: Duty } => job.kind === 'push' && job.duty !== undefined;

const COVERAGE = { covered: '', provisional: '暂定 provisional', 'no-data': '无日历 no data' } as const;

function printForecast(lines: readonly ShownLine[], waits: boolean): void {
  printTable(
    [
      ...['职责 duty', '期次 period', '报送 planned', '到期 due', '改期原因 moved by', '日历 calendar'],
      ...(waits ? ['生效 in force'] : []),
    ],
    lines.map((line) => [
      line.duty,
      line.period,
      line.planned,
      line.due,
      line.movedBy === null ? '' : `${line.nominal} ${line.movedBy}`,
      COVERAGE[line.calendar],
      ...(waits ? [line.inForce ? '是 yes' : '待批 waits'] : []),
    ]),
  );
  const paused = new Map(lines.flatMap(({ duty, paused }) => (paused === null ? [] : [[duty, paused] as const])));
  for (const [duty, reason] of paused) complain(`! ${duty} 的平台已暂停报送 (paused)：${plain(reason)}`);
  for (const cover of ['provisional', 'no-data'] as const) {
    const years = [
      ...new Set(lines.filter(({ calendar }) => calendar === cover).map(({ nominal }) => nominal.slice(0, 4))),
    ];
    const said = years.length === 0 ? undefined : coverageFault(cover, years.join('、'));
    if (said !== undefined) complain(`! ${said.zh} (${said.en})`);
  }
}
