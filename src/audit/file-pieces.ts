import { open } from 'node:fs/promises';

const PIECE = 65_536;

/**
 * The bytes of a file, piece by piece, all in the same memory: a piece is good until the next one is asked for. A stream takes new
 * memory for each and leaves it to the garbage collector, which does not hurry.
 */
export async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  const memory = Buffer.allocUnsafeSlow(PIECE);
  try {
    for (;;) {
      const { bytesRead } = await file.read(memory, 0, PIECE, null);
      if (bytesRead === 0) return;
      yield memory.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
