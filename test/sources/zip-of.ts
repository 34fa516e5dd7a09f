import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** yazl comes without types; this is what the tests use of it. */
interface Yazl {
  readonly ZipFile: new () => {
    addBuffer(bytes: Buffer, name: string, options?: { readonly compress: boolean }): void;
    end(): void;
    readonly outputStream: Readable;
  };
}

const require = createRequire(import.meta.url);
const { ZipFile } = require('yazl') as Yazl;

export async function zipOf(
  files: { readonly [name: string]: string | Buffer },
  options = { compress: true },
): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name, options);
  zip.end();
  return buffer(zip.outputStream);
}
