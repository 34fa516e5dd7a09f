/** `2026-11-27 20:00` of an instant in an IANA zone. */
export const localMinute = (instant: Date | string, timeZone: string): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }).format(new Date(instant));
