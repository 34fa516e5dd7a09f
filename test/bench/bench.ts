import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createDatabase, type MariaDb, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { run, serve } from './child.ts';
import { benchHub, type HubRun } from './hub-runs.ts';
import { dirtyAmong, writePages } from './records.ts';

/**
 * `npm run bench -- [--records 100000[,1000000…]] [--db sqlite|mariadb] [--log] [--json]` (`--log`: push with and without logging): how fast the hub pulls and pushes,
 * beside bare loops that only move the same bytes in the same run on the same machine. Bureau and platform are
 * processes of their own; the database is private and thrown away. Measures, judges nothing.
 */
interface Line {
  readonly what: string;
  readonly records: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Rate against the bare loop of the same direction. */
  readonly ratio?: number;
  /** Resident memory of the whole process tree, MB; the database server is not in it. */
  readonly peakMb: number;
}

interface Result {
  readonly records: number;
  readonly recordBytes: number;
  readonly dirty: number;
  readonly durable: { readonly bare: string; readonly hub: string };
  readonly lines: readonly Line[];
}

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '100000' },
    db: { type: 'string', default: 'sqlite' },
    log: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const sizes = options.records.split(',').map(Number);
if (sizes.some((size) => !Number.isInteger(size) || size < 100 || size > 1_000_000))
  throw new Error('--records: 100 … 1000000');
if (options.db !== 'sqlite' && options.db !== 'mariadb') throw new Error('--db: sqlite or mariadb');
if (options.db === 'mariadb' && !mariaDbAvailable) throw new Error('apt-get install mariadb-server');

await main();

async function main(): Promise<void> {
  const server =
    options.db === 'mariadb'
      ? await startMariaDb(['--innodb-buffer-pool-size=512M', '--innodb-log-file-size=256M'])
      : undefined;
  const results: Result[] = [];
  try {
    for (const size of sizes) {
      const result = await measure(size, server);
      results.push(result);
      if (!options.json) print(result);
    }
  } finally {
    await server?.stop();
  }
  if (options.json)
    console.log(
      JSON.stringify({ db: options.db, node: process.version, cores: availableParallelism(), results }, undefined, 2),
    );
  else printLinearity(results);
}

async function measure(records: number, mariaDb: MariaDb | undefined): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-bench-'));
  const { pages, recordBytes } = writePages(join(folder, 'pages.bin'), records);
  writeFileSync(join(folder, 'pages.json'), JSON.stringify(pages));
  const source = await serve('source-server.ts', [join(folder, 'pages.bin'), join(folder, 'pages.json')]);
  const platform = await serve('platform-server.ts');
  try {
    const bareDb = mariaDb === undefined ? join(folder, 'bare.db') : await createDatabase(mariaDb.url);
    const bareIn = await bareLoop('in', source.url, bareDb, folder);
    const bareOut = await bareLoop('out', platform.url, bareDb, folder);
    const hubDb = mariaDb === undefined ? `sqlite:${join(folder, 'hub.db')}` : await createDatabase(mariaDb.url);
    const hub = benchHub(folder, hubDb, { source: source.url, platform: platform.url });
    const first = await hub.run('pull-bench');
    const again = await hub.run('pull-bench');
    const push = await hub.run('push-bench');
    refuseWrongCounts(records, { first, again, push });
    const unlogged = options.log
      ? await pushUnlogged(folder, mariaDb, { source: source.url, platform: platform.url })
      : [];
    return {
      records,
      recordBytes,
      dirty: dirtyAmong(records),
      durable: { bare: bareIn.durable, hub: await hub.durable() },
      lines: [
        bareIn.line,
        hubLine('hub, first pull', records, first, bareIn.line),
        hubLine('hub, nothing changed', records, again, bareIn.line),
        bareOut.line,
        hubLine('hub, push', records - dirtyAmong(records), push, bareOut.line),
        ...unlogged.map((run) => hubLine('hub, push unlogged', records - dirtyAmong(records), run, bareOut.line)),
      ],
    };
  } finally {
    await Promise.all([source.stop(), platform.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same push of the same records by a hub that logs nothing. */
async function pushUnlogged(
  folder: string,
  mariaDb: MariaDb | undefined,
  addresses: { readonly source: string; readonly platform: string },
): Promise<HubRun[]> {
  const database = mariaDb === undefined ? `sqlite:${join(folder, 'unlogged.db')}` : await createDatabase(mariaDb.url);
  const place = join(folder, 'unlogged');
  mkdirSync(place);
  const hub = benchHub(place, database, addresses, { log: 'off' });
  await hub.run('pull-bench');
  return [await hub.run('push-bench')];
}

async function bareLoop(
  direction: 'in' | 'out',
  address: string,
  database: string,
  cwd: string,
): Promise<{ readonly line: Line; readonly durable: string }> {
  const { stdout, peakMb } = await run('bare-loop.ts', [direction, address, database], { cwd });
  const { records, ms, durable } = JSON.parse(stdout) as { records: number; ms: number; durable: string };
  return { line: line(`bare loop ${direction}`, records, ms, peakMb), durable };
}

function hubLine(what: string, records: number, { ms, peakMb }: HubRun, bare: Line): Line {
  const made = line(what, records, ms, peakMb);
  return { ...made, ratio: made.perSecond / bare.perSecond };
}

function line(what: string, records: number, ms: number, peakMb: number): Line {
  return {
    what,
    records,
    seconds: ms / 1000,
    perSecond: (records / ms) * 1000,
    peakMb,
  };
}

/** A fast wrong answer is no answer. */
function refuseWrongCounts(records: number, { first, again, push }: { readonly [run: string]: HubRun }): void {
  const dirty = dirtyAmong(records);
  const clean = records - dirty;
  const expected = [
    [first, { read: records, accepted: clean, unchanged: 0, quarantined: dirty }],
    [again, { read: records, accepted: 0, unchanged: clean, quarantined: dirty }],
    [push, { sealed: clean, accepted: clean, rejected: 0, unsettled: 0, held: 0 }],
  ] as const;
  for (const [run, wanted] of expected) {
    const wrong = Object.entries(wanted).filter(([name, count]) => run?.counts[name] !== count);
    if (wrong.length > 0) throw new Error(`expected ${JSON.stringify(wanted)}, the run says ${JSON.stringify(run)}`);
  }
}

function print({ records, recordBytes, dirty, durable, lines }: Result): void {
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  console.log(
    `\n${whole(records)} records of 15 fields, ${recordBytes} bytes each, ${whole(dirty)} of them dirty · ${options.db}, node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`durable, read back: bare loop ${durable.bare} · hub ${durable.hub}`);
  console.log(
    `${''.padEnd(22)}${'seconds'.padStart(9)}${'records/s'.padStart(12)}${'of bare'.padStart(9)}${'peak MB'.padStart(9)}`,
  );
  for (const { what, seconds, perSecond, ratio, peakMb } of lines) {
    const cells = [
      seconds.toFixed(2).padStart(9),
      whole(perSecond).padStart(12),
      (ratio?.toFixed(2) ?? '').padStart(9),
      whole(peakMb).padStart(9),
    ];
    console.log(what.padEnd(22) + cells.join(''));
  }
}

/** Rate and memory of each size against the smallest: 1.00 everywhere would be perfectly linear and flat. */
function printLinearity(results: readonly Result[]): void {
  const [base, ...larger] = results;
  if (base === undefined || larger.length === 0) return;
  console.log('\nagainst the first size     rate   memory');
  for (const result of larger) {
    for (const [index, { what, perSecond, peakMb }] of result.lines.entries()) {
      const first = base.lines[index];
      if (first === undefined) continue;
      const cells = [perSecond / first.perSecond, peakMb / first.peakMb].map((value) => value.toFixed(2).padStart(9));
      console.log(`${String(result.records).padStart(8)} ${what.padEnd(18)}${cells.join('')}`);
    }
  }
}
