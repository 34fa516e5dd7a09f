const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The instant of a local wall time: `2026-12-04`, `09:00`, `Asia/Shanghai`. */
export const instantAt = (day: string, clock: string, zone: string): Date =>
  new Date(instantOfWall(Date.parse(`${day}T${clock}:00Z`), zone));

/**
 * The instant of a local wall time, both in ms. Tried with the offsets on either side of a possible change: the
 * larger offset is the one before the clock goes back, hence the first of two; in a gap neither fits, and the
 * offset before the jump tells how far past the gap the time lies.
 */
export function instantOfWall(local: number, zone: string): number {
  const before = offset(local - DAY, zone);
  const after = offset(local + DAY, zone);
  const candidates = [local - Math.max(before, after), local - Math.min(before, after)];
  return candidates.find((at) => wallTime(at, zone) === local) ?? local - before;
}

/** `YYYY-MM-DD` of an instant. */
export const localDay = (at: Date, zone: string): string =>
  new Date(wallTime(at.getTime(), zone)).toISOString().slice(0, 10);

/** `YYYY-MM-DD HH:MM` of an instant. */
export const localText = (at: Date, zone: string): string =>
  new Date(wallTime(at.getTime(), zone)).toISOString().slice(0, 16).replace('T', ' ');

const offset = (at: number, zone: string): number => wallTime(at, zone) - at;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Wall time in `zone`, in ms, as if it were UTC; whole seconds. */
export function wallTime(at: number, zone: string): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const digits = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const;
    clock = new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', ...digits, second: '2-digit' });
    clocks.set(zone, clock);
  }
  const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
