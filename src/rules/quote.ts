const LONG_DIGITS = /[0-9０-９](?:[\s\-—.]*[0-9０-９]){9,}[\s\-—.]*[0-9０-９Xxｘ]/g;

/**
 * A piece of somebody's data as a fault sentence may show it: at most 40 characters, and no run of eleven or
 * more digits in full, because it could be a citizen id or a phone number in the wrong column.
 */
export function quote(text: string): string {
  const masked = text.slice(0, 200).replace(LONG_DIGITS, (digits) => `${digits.slice(0, 3)}****${digits.slice(-2)}`);
  return masked.length > 40 ? `${masked.slice(0, 40).toWellFormed()}…` : masked;
}
