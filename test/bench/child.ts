import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { watchMemory } from './process-tree.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one of the bench's servers in a process of its own and waits for its address. */
export async function serve(file: string, args: readonly string[] = []): Promise<Served> {
  const child = spawn(process.execPath, [here(file), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  await once(child, 'exit');
}

export interface Ran {
  readonly stdout: string;
  readonly wallMs: number;
  /** Resident memory of the whole process tree, MB. */
  readonly peakMb: number;
}

/** Runs a program of the project to its end; throws what it complained of when it did not end well. */
export async function run(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  const started = performance.now();
  const env = { ...process.env, ...options.env };
  const child = spawn(process.execPath, [here(file), ...args], {
    cwd: options.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const memory = watchMemory(child.pid ?? 0);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const ran = { stdout, wallMs: performance.now() - started, peakMb: memory.stop() };
  if (code !== 0)
    throw new Error(`${file} ${args.join(' ')} ended with ${code}:\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`);
  return ran;
}
