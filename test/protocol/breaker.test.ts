import { describe, expect, test } from 'vitest';
import { breakerText } from '../../src/cli/batch-stops.ts';
import { backoffS } from '../../src/delivery/backoff.ts';
import {
  type Breaker,
  breakerAfter,
  CLOSED,
  causeOf,
  type Lately,
  passage,
  restOf,
  type Sign,
} from '../../src/delivery/breaker.ts';
import { isOpenAt, wallClock } from '../../src/delivery/sending-window.ts';

const NOW = new Date('2026-11-27T01:00:00Z');
const later = (ms: number): Date => new Date(NOW.getTime() + ms);
const quiet: Lately = { requests: 0, failed: 0 };

const follow = (signs: readonly Sign[], lately = quiet): Breaker =>
  signs.reduce((breaker, sign) => breakerAfter(breaker, sign, { lately, now: NOW, reason: 'x' }) ?? breaker, CLOSED);

describe('the breaker', () => {
  test('opens after five failures in a row, not after four, and a good answer in between starts the count again', () => {
    expect(follow(['failed', 'failed', 'failed', 'failed']).state).toBe('closed');
    expect(follow(['failed', 'failed', 'failed', 'failed', 'good', 'failed']).state).toBe('closed');
    const opened = follow(['failed', 'failed', 'failed', 'failed', 'failed']);
    expect(opened).toMatchObject({ state: 'open', waitS: 60 });
    expect([passage(opened, NOW), passage(opened, later(59_000)), passage(opened, later(60_000))]).toEqual([
      'none',
      'none',
      'probe',
    ]);
  });

  test('opens when more than half of at least twenty requests of the last minute failed', () => {
    expect(follow(['failed'], { requests: 19, failed: 19 }).state).toBe('closed');
    expect(follow(['failed'], { requests: 20, failed: 10 }).state).toBe('closed');
    expect(follow(['failed'], { requests: 20, failed: 11 }).state).toBe('open');
  });

  test('a probe that fails doubles the wait up to half an hour; one that succeeds closes it', () => {
    const waits: number[] = [];
    let breaker = follow(Array<Sign>(5).fill('failed'));
    for (let probe = 0; probe < 7; probe += 1) {
      waits.push(breaker.waitS);
      breaker = breakerAfter(breaker, 'failed', { lately: quiet, now: NOW, reason: 'x' }) ?? breaker;
    }
    expect(waits).toEqual([60, 120, 240, 480, 960, 1800, 1800]);
    expect(breakerAfter(breaker, 'good', { lately: quiet, now: NOW, reason: '' })).toEqual(CLOSED);
  });

  test('of what the breaker and the platform say the later one counts, and all who tell of it say the same', () => {
    const at = (minutes: number): string => later(minutes * 60_000).toISOString();
    const open: Breaker = { ...CLOSED, state: 'open', until: at(30), reason: '502' };
    const said = (breaker: Breaker) => [restOf(breaker, NOW), breakerText(breaker, NOW, 'Asia/Shanghai')];
    expect(said(open)).toEqual([{ until: at(30), asked: false }, '熔断至 resting until 2026-11-27 09:30']);
    expect(said({ ...open, notBefore: at(10) })).toEqual(said(open));
    const asked = [{ until: at(45), asked: true }, '平台要求等待至 asked to wait until 2026-11-27 09:45'];
    expect(said({ ...open, notBefore: at(45) })).toEqual(asked);
    expect(said({ ...CLOSED, notBefore: at(45) })).toEqual(asked);
    const over = { ...open, until: at(-1), notBefore: at(-1) };
    expect(said(over)).toEqual([undefined, '熔断期满，下次先试发一批 rested; one batch is tried next']);
    expect(passage(over, NOW)).toBe('probe');
    expect(said(CLOSED)).toEqual([undefined, undefined]);
  });

  test('certificate and login trouble opens it at once and for long', () => {
    expect(follow(['page'])).toMatchObject({ state: 'open', waitS: 1800 });
  });

  test('the first cause stays, and the latest stands beside it, until a good answer', () => {
    const told = (reasons: readonly string[]) =>
      reasons.reduce(
        (breaker, reason) => breakerAfter(breaker, 'failed', { lately: quiet, now: NOW, reason }) ?? breaker,
        CLOSED,
      );
    const late = told(['证书过期', '超时', '超时', '证书过期', '超时', '超时']);
    expect(late).toMatchObject({ state: 'open', reason: '证书过期', latest: '超时' });
    expect(causeOf(late)).toBe('证书过期；最近 (latest): 超时');
    expect(told(['超时', '超时'])).toMatchObject({ reason: '超时', latest: null });
    const mended = breakerAfter(late, 'good', { lately: quiet, now: NOW, reason: '' }) ?? late;
    expect(breakerAfter(mended, 'failed', { lately: quiet, now: NOW, reason: '断网' })).toMatchObject({
      reason: '断网',
      latest: null,
    });
  });

  test('success on a closed breaker needs no write', () => {
    expect(breakerAfter(CLOSED, 'good', { lately: quiet, now: NOW, reason: '' })).toBeUndefined();
  });

  test('Retry-After keeps a platform quiet even while it is closed', () => {
    const asked = { ...CLOSED, notBefore: later(120_000).toISOString() };
    expect([passage(asked, NOW), passage(asked, later(121_000))]).toEqual(['none', 'all']);
  });
});

describe('the back-off', () => {
  test('is full jitter below 2 s · 2^n and never above fifteen minutes', () => {
    expect([1, 3, 20, 400].map((n) => backoffS(n, () => 0.999_999))).toEqual([
      expect.closeTo(4, 3),
      expect.closeTo(16, 3),
      expect.closeTo(900, 2),
      expect.closeTo(900, 2),
    ]);
    expect(backoffS(8, () => 0)).toBe(0);
  });
});

describe('a sending window', () => {
  const friday = wallClock(NOW, 'Asia/Shanghai');

  test('is read from the clock on the wall of HUB_TIMEZONE', () => {
    expect(friday).toEqual({ weekday: 5, time: '09:00' });
  });

  test.each([
    [undefined, true],
    [{ from: '09:00', to: '18:00' }, true],
    [{ from: '08:00', to: '09:00' }, false],
    [{ from: '08:00', to: '18:00', days: ['mon', 'fri'] }, true],
    [{ from: '08:00', to: '18:00', days: ['sat'] }, false],
    [{ from: '20:00', to: '10:00', days: ['thu'] }, true],
    [{ from: '20:00', to: '10:00', days: ['fri'] }, false],
    [{ from: '09:00', to: '02:00', days: ['fri'] }, true],
  ] as const)('%j on Friday at 09:00: open %s', (window, open) => {
    expect(isOpenAt(window, friday)).toBe(open);
  });
});
