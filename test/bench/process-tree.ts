import { readdirSync, readFileSync } from 'node:fs';

export interface MemoryWatch {
  /** Ends the watch; the highest sum of resident memory seen, in MB. */
  stop(): number;
}

const EVERY_MS = 250;

/** Samples the resident memory of a process and all that it started (Linux: /proc), four times a second. */
export function watchMemory(root: number): MemoryWatch {
  let peak = 0;
  const sample = (): void => {
    peak = Math.max(peak, treeMemory(root));
  };
  const timer = setInterval(sample, EVERY_MS);
  sample();
  return {
    stop: () => {
      clearInterval(timer);
      return Math.round(peak / 1e6);
    },
  };
}

function treeMemory(root: number): number {
  const parents = new Map(processIds().map((pid) => [pid, parentOf(pid)]));
  const tree = new Set([root]);
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.add(child);
  return [...tree].reduce((sum, pid) => sum + residentBytes(pid), 0);
}

const processIds = (): number[] => readdirSync('/proc').map(Number).filter(Number.isInteger);

/** A process may end while it is looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
