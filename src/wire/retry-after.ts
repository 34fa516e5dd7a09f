const SHORTEST_S = 1;
const LONGEST_S = 24 * 3600;

/**
 * Seconds to wait by a Retry-After header (RFC 9110 §10.2.3): whole seconds or an HTTP-date, clamped to
 * 1 s … 24 h. A past date means now, hence 1 s. Garbage (`abc`, `-1`, `1.5`, `1e9`) is undefined: use the own back-off.
 */
export function retryAfterSeconds(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return clamp(Number(text));
  const at = httpDate(text);
  return at === undefined ? undefined : clamp(Math.ceil((at - now.getTime()) / 1000));
}

const clamp = (seconds: number): number => Math.min(LONGEST_S, Math.max(SHORTEST_S, seconds));

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Milliseconds of an IMF-fixdate, the only form that may be sent today; the two obsolete ones are garbage. */
function httpDate(text: string): number | undefined {
  const match = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(text);
  const month = MONTHS.indexOf(match?.[2] ?? '');
  if (match === null || month < 0) return undefined;
  const [day, year, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number);
  return Date.UTC(year ?? 0, month, day, hour, minute, second);
}
