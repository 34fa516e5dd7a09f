const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 } as const;

/** Seconds of `90s`, `10m`, `20h` or `7d`; undefined for anything else. */
export function durationS(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = match?.[2];
  if (unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd') return undefined;
  return Number(match?.[1]) * SECONDS[unit];
}
