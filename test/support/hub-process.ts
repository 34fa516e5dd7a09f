import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const projectRoot = join(import.meta.dirname, '../..');

export interface HubProcess {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HubProcessOptions {
  readonly env: { readonly [name: string]: string };
  /** Killed (SIGKILL) after so many ms, if it still runs. */
  readonly killAfterMs?: number;
}

/** A real `hub …` process in the project's folder, with nothing of this test run's own settings. */
export async function hub(words: readonly string[], { env, killAfterMs }: HubProcessOptions): Promise<HubProcess> {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HUB_')));
  const child = spawn(process.execPath, [join(projectRoot, 'src/hub.js'), ...words], {
    cwd: projectRoot,
    env: { ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  clearTimeout(killer);
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}
