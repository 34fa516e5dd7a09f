import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import { type ForecastLine, forecast } from '../duty/plan.ts';
import type { Duty, Job } from '../job/job.ts';
import { localDate, positive } from './argument.ts';
import type { Define } from './command.ts';
import { complain, printJson, printTable, wrongUsage } from './print.ts';
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
        const lines = forecastLines(readSoundSetup(), options);
        if (options.json) printJson(lines);
        else printForecast(lines);
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

const hasDuty = (job: Job): job is Job & { readonly duty: Duty } => job.kind === 'push' && job.duty !== undefined;

const COVERAGE = { covered: '', provisional: '暂定 provisional', 'no-data': '无日历 no data' } as const;

function printForecast(lines: readonly ForecastLine[]): void {
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
  for (const cover of ['provisional', 'no-data'] as const) {
    const years = [
      ...new Set(lines.filter(({ calendar }) => calendar === cover).map(({ nominal }) => nominal.slice(0, 4))),
    ];
    const said = years.length === 0 ? undefined : coverageFault(cover, years.join('、'));
    if (said !== undefined) complain(`! ${said.zh} (${said.en})`);
  }
}
