import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cronFault, dueTimes } from '../src/job/schedule.ts';

const due = (cron: string, from: string, to: string, zone: string): string[] =>
  dueTimes({ cron }, new Date(from), new Date(to), zone).map((at) => at.toISOString().slice(0, 16));

test('Fridays at nine are due at one o’clock UTC in Shanghai', () => {
  expect(due('0 9 * * 5', '2026-11-23T00:00Z', '2026-12-07T00:00Z', 'Asia/Shanghai')).toEqual([
    '2026-11-27T01:00',
    '2026-12-04T01:00',
  ]);
});

test('the beginning of the span is left out and its end is in it', () => {
  const nine = '2026-11-27T01:00:00Z';
  expect(due('0 9 * * 5', nine, '2026-11-27T01:30Z', 'Asia/Shanghai')).toEqual([]);
  expect(due('0 9 * * 5', '2026-11-27T00:59:59Z', nine, 'Asia/Shanghai')).toEqual(['2026-11-27T01:00']);
});

test('a night job that is yesterday in UTC is found', () => {
  expect(due('30 2 * * *', '2026-11-27T00:00Z', '2026-11-27T20:00Z', 'Asia/Shanghai')).toEqual(['2026-11-27T18:30']);
});

test('a span that runs backwards holds nothing', () => {
  expect(due('* * * * *', '2026-11-27T01:00Z', '2026-11-26T01:00Z', 'Asia/Shanghai')).toEqual([]);
});

test('a time that summer time leaves out is due after the jump', () => {
  expect(due('30 2 * * *', '2026-03-08T05:00Z', '2026-03-09T03:00Z', 'America/New_York')).toEqual(['2026-03-08T07:30']);
});

test('a time that happens twice is due once, the first time', () => {
  expect(due('30 1 * * *', '2026-11-01T04:00Z', '2026-11-02T04:00Z', 'America/New_York')).toEqual(['2026-11-01T05:30']);
});

test('the day after a change of the clock keeps the local hour', () => {
  expect(due('0 9 * * *', '2026-03-07T00:00Z', '2026-03-10T00:00Z', 'America/New_York')).toEqual([
    '2026-03-07T14:00',
    '2026-03-08T13:00',
    '2026-03-09T13:00',
  ]);
});

test('half-hour changes and zones far from Greenwich work too', () => {
  expect(due('0 0 1 1 *', '2025-12-30T00:00Z', '2026-01-02T00:00Z', 'Pacific/Kiritimati')).toEqual([
    '2025-12-31T10:00',
  ]);
  expect(due('15 2 * * 0', '2026-10-03T00:00Z', '2026-10-04T12:00Z', 'Australia/Lord_Howe')).toEqual([
    '2026-10-03T15:45',
  ]);
});

test('the zone of the host plays no part', () => {
  const script = `import { dueTimes } from './src/job/schedule.ts';
    console.log(dueTimes({ cron: '0 9 * * 5' }, new Date(1795737600000), new Date(1796601600000), 'Asia/Shanghai').map((d) => d.toISOString()).join());`;
  const inZone = (TZ: string): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TZ },
      encoding: 'utf8',
    });
  const utc = inZone('UTC');
  expect(utc).toContain('T01:00:00.000Z');
  expect(inZone('America/New_York')).toBe(utc);
  expect(inZone('Pacific/Apia')).toBe(utc);
});

test('a span may be cut anywhere without losing or doubling a time', () => {
  const start = Date.UTC(2026, 2, 1);
  const hours = fc.integer({ min: 0, max: 24 * 40 });
  const zones = fc.constantFrom('Asia/Shanghai', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
  const crons = fc.constantFrom('0 9 * * 5', '*/20 1-3 * * *', '30 2 8 3 *', '0 0 * * *');
  fc.assert(
    fc.property(hours, hours, hours, zones, crons, (a, b, c, zone, cron) => {
      const [from, cut, to] = [a, b, c].toSorted((x, y) => x - y).map((hour) => new Date(start + hour * 3_600_000));
      if (from === undefined || cut === undefined || to === undefined) return;
      const halves = [...dueTimes({ cron }, from, cut, zone), ...dueTimes({ cron }, cut, to, zone)];
      expect(halves).toEqual(dueTimes({ cron }, from, to, zone));
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['30 2 * *', '五段'],
  ['0 0 9 * * 1', '五段'],
  ['61 2 * * *', 'minute 61'],
  ['0 9 L * *', '不支持'],
  ['0 9 * * 5#2', '不支持'],
])('the cron expression %s is refused with a reason', (cron, reason) => {
  expect(cronFault(cron)?.zh).toContain(reason);
});

test.each(['30 2 * * *', '*/15 8-18 * * mon-fri', '0 9 * * 7'])('the cron expression %s is good', (cron) => {
  expect(cronFault(cron)).toBeUndefined();
});
