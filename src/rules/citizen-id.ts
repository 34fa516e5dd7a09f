import { exists } from './civil-day.ts';
import { isProvince } from './province.ts';

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** Check character (0-9, X) of the first 17 digits of a citizen id (GB 11643). */
export function citizenIdCheck(body: string): string {
  let sum = 0;
  for (const [index, weight] of WEIGHTS.entries()) sum += Number(body[index]) * weight;
  return '10X98765432'.charAt(sum % 11);
}

/** Whether a text is a citizen id beyond doubt: province, birth date and check character are right, or the old 15 digits. */
export function isCitizenId(text: string): boolean {
  if (!looksLikeCitizenId(text)) return false;
  return text.length === 15 || citizenIdCheck(text) === text.charAt(17).toUpperCase();
}

/**
 * Whether a text has the province and birth date of a citizen id; its check character may be wrong, because a
 * mistyped id number still points at a person.
 */
export function looksLikeCitizenId(text: string): boolean {
  if (!/^(?:\d{15}|\d{17}[\dXx])$/.test(text)) return false;
  const region = text.slice(0, 2);
  if (!isProvince(region) && region !== '83') return false;
  const birth = text.length === 15 ? `19${text.slice(6, 12)}` : text.slice(6, 14);
  const year = Number(birth.slice(0, 4));
  return (
    year >= 1900 && year <= 2099 && exists({ year, month: Number(birth.slice(4, 6)), day: Number(birth.slice(6, 8)) })
  );
}

/** 450102********123X: the first six and the last four stay. */
export const maskCitizenId = (id: string): string =>
  `${id.slice(0, 6)}${'*'.repeat(Math.max(0, id.length - 10))}${id.slice(-4)}`;
