import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FaultShares } from './fault-shares.ts';

/** The far platform's process, as the rig sees it. */
export interface FarEnd {
  readonly url: string;
  /** Shares of its faults, and how far the hub's clock is ahead of the machine's. */
  tell(what: { readonly shares?: FaultShares; readonly aheadMs?: number }): Promise<void>;
  /** Called at each thing that it sees, until the returned function is. */
  on(work: (seen: Seen) => void): () => void;
  /** How often a package came and was answered since the platform began. */
  count(what: Seen['what'], key: string): number;
  close(): Promise<void>;
}

/** One line of its standard output. */
export interface Seen {
  readonly what: 'submit' | 'answered' | 'query';
  /** Of the package. */
  readonly key: string;
}

export async function startFarEnd(folder: string, seed: number, effect: string): Promise<FarEnd> {
  const program = fileURLToPath(new URL('far-platform.ts', import.meta.url));
  const child = spawn(process.execPath, [program, folder, String(seed), effect], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no standard output');
  const lines = createInterface(child.stdout);
  const [url] = (await once(lines, 'line')) as [string];
  const counts = new Map<string, number>();
  const heard = new Set<(seen: Seen) => void>();
  lines.on('line', (line: string) => {
    const [what, key = ''] = line.split(' ') as [Seen['what'], string];
    counts.set(`${what} ${key}`, (counts.get(`${what} ${key}`) ?? 0) + 1);
    for (const work of heard) work({ what, key });
  });
  return {
    url,
    tell: async (what) => {
      await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(what) });
    },
    on: (work) => {
      heard.add(work);
      return () => void heard.delete(work);
    },
    count: (what, key) => counts.get(`${what} ${key}`) ?? 0,
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  if (child.exitCode === null) await once(child, 'exit');
}
