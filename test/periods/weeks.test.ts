import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { select } from '../../src/store/database.ts';
import { temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { openBench } from './bench.ts';

/** Fridays of a summer without holidays: 2026-07-03 and on. */
const friday = (week: number): number => Date.UTC(2026, 6, 3 + 7 * week);
const HOUR = 3_600_000;

/** How one week goes: when the bell rings, counted from Friday 00:00 in Shanghai, and whether the platform takes what is sent. */
const MODES = {
  good: [{ at: 9, works: true }],
  'nothing new': [{ at: 9, works: true }],
  'works in the afternoon': [
    { at: 9, works: false },
    { at: 14, works: true },
  ],
  'works on Monday': [
    { at: 9, works: false },
    { at: 14, works: false },
    { at: 80.5, works: true },
  ],
  'up again on Saturday': [{ at: 34, works: true }],
  'down all week': [],
} as const;

type Mode = keyof typeof MODES;

/** The rule of outcomes a second time, from the events alone. */
function expected(modes: readonly Mode[]): string[] {
  const ends: { tried: number; done: number }[] = [];
  let open: number[] = [];
  let tried = Number.POSITIVE_INFINITY;
  for (const [week, mode] of modes.entries()) {
    open.push(week);
    for (const { at, works } of MODES[mode]) {
      tried = Math.min(tried, week * 168 + at);
      if (!works) continue;
      for (const one of open) ends[one] = { tried, done: week * 168 + at };
      open = [];
      tried = Number.POSITIVE_INFINITY;
    }
  }
  return ends.map(({ tried, done }, week) => {
    const due = week * 168 + 18;
    if (done <= due) return 'on-time';
    if (tried >= due + 168) return 'missed';
    return done <= due + 24 ? 'late' : 'overdue';
  });
}

const mode = fc.constantFrom(...(Object.keys(MODES) as Mode[]));

test('whatever befalls ten weeks, every Friday has one outcome by the rule, a cause where it is not on time, and no record is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mode, { minLength: 9, maxLength: 9 }), async (chosen) => {
      const modes: Mode[] = [...chosen, 'good'];
      const { take, ring, periods, script, hub } = await openBench(`sqlite:${join(temporaryFolder(), 'hub.db')}`, {
        duty: { goLive: '2026-07-03' },
        platform: { notProcessed: [503] },
      });
      let taken = 0;
      for (const [week, name] of modes.entries()) {
        const local = (hours: number): string => new Date(friday(week) + (hours - 8) * HOUR).toISOString();
        if (name !== 'nothing new') {
          taken += 1;
          await take(local(-22), row(taken, { from: '2026-06-29' }));
        }
        for (const { at, works } of MODES[name]) {
          script.splice(0);
          if (!works) script.push({ status: 503, body: 'busy' });
          await ring(local(at));
        }
      }
      const found = await periods();
      expect(found.map(({ outcome }) => outcome)).toEqual(expected(modes));
      const unexplained = found.filter(({ outcome, causes }) => (outcome === 'on-time') !== (causes.length === 0));
      expect(unexplained).toEqual([]);
      expect(found.flatMap(({ causes }) => causes.filter(({ code }) => code === 'not-tried'))).toEqual([]);
      const [sums] = await select<{ n: number; records: number }>(
        hub.db,
        "SELECT COUNT(*) AS n, COUNT(DISTINCT record_id) AS records FROM deliveries WHERE state = 'accepted'",
      );
      expect([Number(sums?.n), Number(sums?.records)]).toEqual([taken, taken]);
      expect(found.reduce((sum, { counts }) => sum + counts.accepted, 0)).toBe(taken);
    }),
    { numRuns: 8 },
  );
}, 60_000);
