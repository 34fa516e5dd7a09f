import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FerryContent, ferryHeader, headerBytes, headerDigest, sealFerry } from '../wire/ferry-package.ts';
import { writeWhole } from './local-file.ts';

/** `gx-sharing-out-00000012.zxf`: everything of it is our own. */
export const ferryName = ({ head: { channel, direction, number } }: FerryContent): string =>
  `${channel}-${direction}-${String(number).padStart(8, '0')}.zxf`;

/**
 * Puts a package into a folder, whole or not at all. `other`: a file of that name is there and is not this package. Written again it
 * has another signature but the same header, so what lies there already may stay.
 */
export async function writeFerry(
  folder: string,
  given: FerryContent,
  keys: { readonly key: string; readonly signKey: string },
): Promise<'written' | 'there' | 'other'> {
  const name = ferryName(given);
  if (await writeWhole(folder, name, sealFerry(given, keys))) return 'written';
  const there = await readFile(join(folder, name));
  const head = headerBytes(ferryHeader(given, keys.key).header);
  const from = there.indexOf(10) + 1;
  return there.subarray(from, there.indexOf(10, from)).equals(head) ? 'there' : 'other';
}

export const ferryDigest = (given: FerryContent, key: string): string => headerDigest(ferryHeader(given, key).header);
