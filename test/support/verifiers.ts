import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

const audit = join(import.meta.dirname, '../../src/audit');

export interface Verdict {
  readonly code: number | null;
  readonly findings: readonly { readonly code: number; readonly where: string; readonly said: string }[];
  readonly summary: { readonly [name: string]: unknown };
  readonly err: string;
}

export interface Verifier {
  readonly name: string;
  readonly run: (pack: string, args: readonly string[]) => Promise<Verdict>;
}

const python = ['python3', 'python'].find((program) => spawnSync(program, ['--version']).status === 0);

export const pythonAvailable = python !== undefined;

/** Both verifiers, each as a program of its own; the second is missing where the machine has no Python. */
export const verifiers: readonly Verifier[] = [
  { name: 'verify.mjs', run: runner([process.execPath], 'verify.mjs') },
  ...(python === undefined ? [] : [{ name: 'verify.py', run: runner([python, '-E', '-S'], 'verify.py') }]),
];

/** Python without what a machine adds to it: the standard library alone, and a quicker start. */
function runner([program, ...flags]: readonly [string, ...string[]], file: string): Verifier['run'] {
  return async (pack, args) => {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const child = spawn(program, [...flags, join(audit, file), pack, ...args, '--json'], { cwd: dirname(pack), env });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    const told = out.startsWith('{') ? JSON.parse(out) : { findings: [], summary: {} };
    return { code, findings: told.findings, summary: told.summary, err };
  };
}
