import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Advance, type Books, type Expectation, openBooks } from './books.ts';
import { type BureauApi, openApprovalSystem, openRegistrationOffice } from './bureau-api.ts';
import { openControl } from './control.ts';
import type { Lock, Loopback } from './loopback.ts';
import { type OldOffice, openOldOffice } from './old-office.ts';
import { openPenaltySystem, type PenaltySystem } from './penalty-system.ts';
import { openPlatform, type PlatformServer } from './platform-server.ts';
import type { Script } from './script.ts';
import { type SizeWish, sizeOf } from './world.ts';

export interface SandboxOptions {
  /** Everything it remembers lives here; a folder that was played in before goes on with its own seed, size and day. */
  readonly dir: string;
  readonly seed?: number | string;
  /** First day that is played, `YYYY-MM-DD`. */
  readonly today: string;
  readonly size?: SizeWish;
  /** Share of dirty records, default 0.02; 0 = none. */
  readonly dirty?: number;
  /** Fixed ports; the rest are free ones. */
  readonly ports?: { readonly [server in Server]?: number };
  readonly scripts?: { readonly [platform in PlatformName]?: Script };
  /** Where the penalty system keeps its table: `mysql://…`; default an SQLite file in `dir`. */
  readonly penaltyDatabase?: string;
}

type Server = 'approval' | 'registry' | 'creditPublicity' | 'creditSharing' | 'control';
type PlatformName = 'credit-publicity' | 'credit-sharing';

export interface Sandbox {
  /** The `${NAME}`s that the job files speak of. */
  readonly env: { readonly [name: string]: string };
  readonly control: string;
  readonly books: Books;
  readonly platforms: { readonly [name in PlatformName]: PlatformServer };
  readonly bureaus: { readonly approval: BureauApi; readonly registry: BureauApi };
  today(): string;
  /** What the hub is expected to make of each dirty record. */
  expectations(): readonly Expectation[];
  /** Days go by at the bureau: new records, revisions, withdrawals, new files in the folder. */
  advance(days: number): Promise<Advance & { readonly files: readonly string[] }>;
  /** The divisions correct what was set aside. */
  mend(): Promise<{ readonly mended: number; readonly files: readonly string[] }>;
  close(): Promise<void>;
}

/** Plays the bureau's systems and both platforms on loopback. Made-up data only. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const { seed = 1, today, dirty = 0.02 } = options;
  const books = openBooks(join(dir, 'bureau.db'), { seed, today, dirty, size: sizeOf(options.size) });
  const opened: { close(): unknown }[] = [books];
  const keep = <T extends { close(): unknown }>(part: T): T => {
    opened.unshift(part);
    return part;
  };
  try {
    return await startParts(options, dir, books, keep, () => closeAll(opened));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(opened: readonly { close(): unknown }[]): Promise<void> {
  for (const part of opened) await part.close();
}

type Keep = <T extends { close(): unknown }>(part: T) => T;

async function startParts(
  options: SandboxOptions,
  dir: string,
  books: Books,
  keep: Keep,
  close: () => Promise<void>,
): Promise<Sandbox> {
  const { ports = {} } = options;
  const penalties = keep(
    await openPenaltySystem(options.penaltyDatabase ?? `sqlite:${join(dir, 'penalties.db')}`, books),
  );
  const office = openOldOffice(join(dir, 'office'), books);
  await office.drop();
  const approval = keep(
    await openApprovalSystem({ port: ports.approval ?? 0, books, lock: LOCKS.approval, otherLock: LOCKS.registry }),
  );
  const registry = keep(await openRegistrationOffice({ port: ports.registry ?? 0, books, lock: LOCKS.registry }));
  const creditPublicity = keep(
    await openOne('credit-publicity', 'sync', LOCKS.creditPublicity, ports.creditPublicity, options, dir),
  );
  const creditSharing = keep(
    await openOne('credit-sharing', 'async', LOCKS.creditSharing, ports.creditSharing, options, dir),
  );
  const platforms = { 'credit-publicity': creditPublicity, 'credit-sharing': creditSharing };
  const bureaus = { approval, registry };
  const env = environment({ approval, registry, creditPublicity, creditSharing, penalties, office });
  const { advance, mend } = deeds(books, penalties, office);
  const control = keep(await openControl(ports.control ?? 0, { books, bureaus, platforms, env, advance, mend }));
  const expectations = (): readonly Expectation[] => [...books.expectations()];
  return {
    env,
    control: control.url,
    books,
    platforms,
    bureaus,
    today: books.today,
    expectations,
    advance,
    mend,
    close,
  };
}

/** Not secrets: they open nothing but this machine's own sandbox. */
const LOCKS = {
  approval: { token: 'sandbox-approval-token' },
  registry: {
    requesterId: '7f0c0000-0000-4000-8000-00000000a001',
    serviceId: 's_4500000000000_0001',
    secret: 'sandbox-registry-secret-00000001',
  },
  creditPublicity: { token: 'sandbox-credit-publicity-token' },
  creditSharing: {
    requesterId: '7f0c0000-0000-4000-8000-00000000b001',
    serviceId: 's_4500000000000_0002',
    secret: 'sandbox-sharing-secret-000000002',
  },
} as const satisfies { readonly [name: string]: Lock };

function openOne(
  name: PlatformName,
  receipts: 'sync' | 'async',
  lock: Lock,
  port: number | undefined,
  { scripts }: SandboxOptions,
  dir: string,
): Promise<PlatformServer> {
  const script = scripts?.[name];
  return openPlatform({
    name,
    receipts,
    lock,
    file: join(dir, `${name}.db`),
    port: port ?? 0,
    ...(script && { script }),
  });
}

interface Parts {
  readonly approval: Loopback;
  readonly registry: Loopback;
  readonly creditPublicity: PlatformServer;
  readonly creditSharing: PlatformServer;
  readonly penalties: PenaltySystem;
  readonly office: OldOffice;
}

const environment = (parts: Parts): { readonly [name: string]: string } => ({
  APPROVAL_URL: parts.approval.url,
  APPROVAL_TOKEN: LOCKS.approval.token,
  PENALTY_DB: parts.penalties.url,
  OFFICE_FOLDER: parts.office.folder,
  REGISTRY_URL: parts.registry.url,
  REGISTRY_REQUESTER_ID: LOCKS.registry.requesterId,
  REGISTRY_SERVICE_ID: LOCKS.registry.serviceId,
  REGISTRY_SECRET: LOCKS.registry.secret,
  CREDIT_PUBLICITY_URL: parts.creditPublicity.url,
  CREDIT_PUBLICITY_TOKEN: LOCKS.creditPublicity.token,
  CREDIT_SHARING_URL: parts.creditSharing.url,
  CREDIT_SHARING_REQUESTER_ID: LOCKS.creditSharing.requesterId,
  CREDIT_SHARING_SERVICE_ID: LOCKS.creditSharing.serviceId,
  CREDIT_SHARING_SECRET: LOCKS.creditSharing.secret,
});

function deeds(books: Books, penalties: PenaltySystem, office: OldOffice): Pick<Sandbox, 'advance' | 'mend'> {
  const publish = async (): Promise<readonly string[]> => {
    await penalties.refresh();
    return office.drop();
  };
  return {
    advance: async (days) => ({ ...books.advance(days), files: await publish() }),
    mend: async () => ({ mended: books.mend(), files: await publish() }),
  };
}

/** Where it writes, and what ends it (SIGINT): given by the command. */
export interface RunOptions extends SandboxOptions {
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** `hub sandbox`: starts, says what is where, plays until the signal. The address of the control API is printed last. */
export async function runSandbox({ print, signal, ...options }: RunOptions): Promise<void> {
  const sandbox = await startSandbox(options);
  try {
    for (const line of describe(sandbox)) print(line);
    await aborted(signal);
  } finally {
    await sandbox.close();
  }
}

function describe({ env, control, books, today }: Sandbox): readonly string[] {
  const { size } = books.world;
  const licences = books.count('broadcast') + books.count('publication') + books.count('printing');
  return [
    '# 以下各行可直接粘贴到 .env (paste these lines into .env)',
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    '',
    `# 模拟日期 ${today()}：许可证 ${licences}，处罚 ${books.count('penalty')}，企业登记 ${books.count('enterprise')} (records of the simulated bureau)`,
    `# 审批系统 ${env['APPROVAL_URL']}/licences · 登记机关 ${env['REGISTRY_URL']}/enterprises · 处罚库 ${env['PENALTY_DB']}`,
    `# 老办公室的文件夹 ${env['OFFICE_FOLDER']}：印刷 ${size.printing} 行 CSV（GB18030），出版物批发 ${size.publication} 行 XLSX`,
    `# 控制接口 ${control}/state · 过一周 curl -d '{"days":7}' ${control}/bureaus/advance · 按 Ctrl-C 结束 (control API; Ctrl-C ends it)`,
  ];
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    // Without a timer an idle sandbox still lives: its servers keep the process open.
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
