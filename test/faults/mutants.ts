import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A build of the hub that was made worse on purpose: the checker must find fault with it. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A copy of the tree with the edits; the returned function removes it. Throws where an edit no longer fits the code. */
export function buildMutant({ name, edits }: Mutant): { readonly root: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'hub-mutant-'));
  for (const part of ['src', 'schemas', 'test', 'package.json']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, from, to } of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`mutant ${name}: ${file} no longer holds ${JSON.stringify(from)}`);
    writeFileSync(path, text.replace(from, to));
  }
  return { root: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
