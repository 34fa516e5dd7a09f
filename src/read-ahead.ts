import { parentPort, Worker } from 'node:worker_threads';
import { HubError, type Remedy } from './errors.ts';

/** Items made in a thread of their own, a few ahead of who uses them: reading and checking on one core, writing on the other. */
export interface ReadAhead<From, Item> {
  /** True once the thread has loaded what it needs and waits to be told where to begin. */
  isReady(): boolean;
  items(from: From): AsyncGenerator<Item>;
  close(): Promise<void>;
}

/** How many items may lie ready; memory holds no more. */
const AHEAD = 2;

type FromThread<Item> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'item'; readonly item: Item }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly failure: Failure };

type ToThread<From> = { readonly kind: 'start'; readonly from: From } | { readonly kind: 'more' };

/** An error as it crosses threads; a HubError stays one. */
interface Failure {
  readonly message: string;
  readonly stack: string | undefined;
  readonly hub: { readonly code: string; readonly remedy: Remedy; readonly fix: string } | undefined;
}

/** Starts the thread; `module` calls `giveAhead` once it is ready, and finds `data` in `workerData`. */
export function openReadAhead<From, Item>(module: URL, data: unknown): ReadAhead<From, Item> {
  const worker = new Worker(module, { workerData: data, resourceLimits: { maxYoungGenerationSizeMb: 12 } });
  const waiting: FromThread<Item>[] = [];
  let ready = false;
  let wake = (): void => {};
  const take = (message: FromThread<Item>): void => {
    if (message.kind === 'ready') ready = true;
    else waiting.push(message);
    wake();
  };
  worker.on('message', take);
  worker.on('error', (error) => take({ kind: 'failed', failure: toFailure(error) }));
  const next = async (): Promise<FromThread<Item>> => {
    for (;;) {
      const message = waiting.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const say = (message: ToThread<From>): void => worker.postMessage(message);
  return {
    isReady: () => ready,
    async *items(from) {
      say({ kind: 'start', from });
      for (;;) {
        const message = await next();
        if (message.kind === 'end') return;
        if (message.kind === 'failed') throw toError(message.failure);
        if (message.kind !== 'item') continue;
        say({ kind: 'more' });
        yield message.item;
      }
    },
    close: async () => void (await worker.terminate()),
  };
}

/** The thread's side: says that it is ready, then gives what `make` makes, never more than a few ahead. */
export function giveAhead<From, Item>(make: (from: From) => AsyncIterable<Item>): void {
  const port = parentPort;
  if (port === null) throw new Error('giveAhead belongs in a worker thread');
  const say = (message: FromThread<Item>): void => port.postMessage(message);
  let credit = AHEAD;
  let wake = (): void => {};
  const give = async (from: From): Promise<void> => {
    try {
      for await (const item of make(from)) {
        while (credit === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        credit -= 1;
        say({ kind: 'item', item });
      }
      say({ kind: 'end' });
    } catch (error) {
      say({ kind: 'failed', failure: toFailure(error) });
    }
  };
  port.on('message', (message: ToThread<From>) => {
    if (message.kind === 'start') void give(message.from);
    else {
      credit += 1;
      wake();
    }
  });
  say({ kind: 'ready' });
}

const toFailure = (error: unknown): Failure => ({
  message: error instanceof Error ? error.message : String(error),
  stack: error instanceof Error ? error.stack : undefined,
  hub: error instanceof HubError ? { code: error.code, remedy: error.remedy, fix: error.fix } : undefined,
});

function toError({ message, stack, hub }: Failure): Error {
  const error =
    hub === undefined ? new Error(message) : new HubError(hub.code, message, { remedy: hub.remedy, fix: hub.fix });
  if (stack !== undefined) error.stack = stack;
  return error;
}
