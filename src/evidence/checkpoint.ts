import { HASH_BYTES } from './merkle.ts';
import { type NoteKey, type NoteSigner, readNote, signNote, strictBase64, verifyNote } from './note.ts';

/** A tree head of a named log. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** The three lines of a checkpoint, no extension lines. */
const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n`;

/** The signed note. */
export const signCheckpoint = (checkpoint: Checkpoint, signers: readonly NoteSigner[]): string =>
  signNote(checkpointText(checkpoint), signers);

/** Reads a checkpoint without trusting it; says what is wrong with its form. */
export function readCheckpoint(note: string): Checkpoint | { readonly wrong: string } {
  const read = readNote(note);
  if ('wrong' in read) return read;
  const [origin = '', size = '', root = '', ...more] = read.text.slice(0, -1).split('\n');
  const bytes = strictBase64(root);
  if (origin === '') return { wrong: 'no origin line' };
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    return { wrong: `tree size ${size.slice(0, 40)} is no decimal number without leading zeroes` };
  if (bytes === undefined || bytes.length !== HASH_BYTES) return { wrong: 'the root is not 32 bytes in base64' };
  if (more.length > 0) return { wrong: 'extension lines are not allowed' };
  return { origin, size: Number(size), root: bytes };
}

/** Reads it and demands the signature of a known key. */
export function openCheckpoint(note: string, keys: readonly NoteKey[]): Checkpoint | { readonly wrong: string } {
  const checkpoint = readCheckpoint(note);
  const read = readNote(note);
  if ('wrong' in checkpoint) return checkpoint;
  if ('wrong' in read) return read;
  const verified = verifyNote(read, keys);
  return 'wrong' in verified ? verified : checkpoint;
}
