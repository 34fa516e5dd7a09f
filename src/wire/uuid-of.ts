import { sha256 } from '../canonical.ts';

/** The GUID that stands for one of our ids where a layout wants one: always the same for the same id (RFC 9562, version 8). */
export function uuidOf(id: string): string {
  const hex = sha256(`uuid/${id}`);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
}
