import { existsSync } from 'node:fs';
import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import { type ForecastLine, forecast } from '../duty/plan.ts';
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
  readonly json?: boolean;
}

/** `hub forecast`: when each duty falls due, and what moved it off its day. Needs no database. */
export const forecastCommand: Define = (program, act) => {
  program
    .command('forecast')
    .description('各项报送职责今后各期何时报送、何时到期、为何改期 (when each duty falls due, and what moved it)')
    .option('--months <n>', '从今天起几个月 (months from today)', positive, 12)
    .option('--from <date>', '自此日起，连同上线前的日期 (from this day, days before go-live included)', localDate)
    .option('--to <date>', '到此日止 (up to this day)', localDate)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (options: ForecastOptions) => {
        const setup = readSoundSetup();
        const lines = await withPauses(forecastLines(setup, options), setup);
        if (options.json) printJson(lines);
        else printForecast(lines);
        if (setup.settings.approvals) await sayHeld(setup);
        return 0;
      }),
    );
};

function forecastLines(setup: ReadSetup, { months, from, to }: ForecastOptions): ForecastLine[] {
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

/** What is forecast stands in the files: where a second person has not said yes to them, other days may count. */
async function sayHeld(setup: ReadSetup): Promise<void> {
  const { readHeld, tellHeld } = await import('./check-held.ts');
  const held = await readHeld(setup).catch(() => undefined);
  if (held !== undefined) tellHeld(held);
}

/** One line, and why nothing would leave now. */
interface ShownLine extends ForecastLine {
  /** Reason of the pause of its platform, if a person has paused it. */
  readonly paused: string | null;
}

/** A forecast needs no database; where there is one, it says which platforms are paused. */
async function withPauses(lines: readonly ForecastLine[], { jobs, settings }: ReadSetup): Promise<ShownLine[]> {
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

function printForecast(lines: readonly ShownLine[]): void {
  printTable(
    ['职责 duty', '期次 period', '报送 planned', '到期 due', '改期原因 moved by', '日历 calendar'],
    lines.map((line) => [
      line.duty,
      line.period,
      line.planned,
      line.due,
      line.movedBy === null ? '' : `${line.nominal} ${line.movedBy}`,
      COVERAGE[line.calendar],
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
