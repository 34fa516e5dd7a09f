import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { HubError } from '../errors.ts';

/** A sandbox in a process of its own, driven by its control API as any integrator would. */
export interface SandboxProcess {
  /** The `${NAME}`s that the job files speak of. */
  readonly env: { readonly [name: string]: string };
  readonly control: string;
  /** Sends one request to the control API. */
  ask<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

const LAUNCHER = fileURLToPath(new URL('../hub.js', import.meta.url));

/** It ends with this process, however that ends: the channel between the two closes. */
export async function startSandboxProcess(dir: string, today: string): Promise<SandboxProcess> {
  const child = spawn(process.execPath, [LAUNCHER, 'sandbox', '--json', '--dir', dir, '--today', today], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C of the terminal reaches the whole group; the sandbox must outlive the hub's last answer.
    detached: process.platform !== 'win32',
  });
  const { control, env } = await firstDocument(child);
  return {
    env,
    control,
    ask: async (method, path, body) => {
      const answer = await fetch(control + path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`sandbox ${method} ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as never;
    },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

interface Addresses {
  readonly control: string;
  readonly env: { readonly [name: string]: string };
}

async function firstDocument(child: ChildProcess): Promise<Addresses> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.endsWith('\n}\n')) return JSON.parse(text) as Addresses;
  }
  throw new HubError('SANDBOX_BROKEN', '模拟系统没有启动 (the sandbox did not start)', {
    remedy: 'give-up',
    fix: '用 hub sandbox 单独启动看原因 (start hub sandbox by itself to see why)',
  });
}
