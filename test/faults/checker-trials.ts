import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bureauFiles, USUAL_LOAD } from './bureau.ts';
import { openRig, type RigOptions, TOKEN } from './rig.ts';
import { check, settle } from './settle.ts';

type Row = { [name: string]: unknown };

/** One falsification of what a good run left behind, and the invariant that it breaks. */
interface Trial {
  readonly name: string;
  readonly breaks: string;
  readonly falsify: (folder: string) => void;
}

const TRIALS: readonly Trial[] = [
  {
    name: 'a byte of a log entry',
    breaks: 'I16',
    falsify: (folder) => editBundle(folder, 'batch.intent', 'batch.intend'),
  },
  { name: 'a signed head of another size', breaks: 'I16', falsify: (folder) => swapNotes(folder) },
  {
    name: 'a batch that the log knows in another state',
    breaks: 'I17',
    falsify: edit('batches', 3, { state: 'HELD' }),
  },
  { name: 'a member that the log has accepted', breaks: 'I17', falsify: edit('deliveries', 0, { state: 'rejected' }) },
  {
    name: 'a member with another payload',
    breaks: 'I17',
    falsify: edit('deliveries', 0, { payload_digest: '00'.repeat(32) }),
  },
  { name: 'an entry that waits for its place', breaks: 'I17', falsify: add('log_pending', { id: 1 }) },
  { name: 'a submit before its intent', breaks: 'I6', falsify: (folder) => resend(folder, -3_600_000) },
  { name: 'a submit within a Retry-After', breaks: 'I15', falsify: (folder) => askForPatience(folder) },
  { name: 'an attempt of an older epoch', breaks: 'I12', falsify: (folder) => ageAttempt(folder) },
  { name: 'a Friday that is not there', breaks: 'I13', falsify: (folder) => writeRows(folder, 'periods', []) },
  {
    name: 'a report that counts others',
    breaks: 'I14',
    falsify: (folder) => editBundle(folder, '"members":"500"', '"members":"501"'),
  },
  { name: 'a request that differs from what was sealed', breaks: 'I17', falsify: (folder) => editRequest(folder) },
  { name: 'an effect that nobody sent', breaks: 'unexpected', falsify: (folder) => copyEffect(folder) },
  { name: 'the token in a trace', breaks: 'I18', falsify: (folder) => appendFileSync(join(folder, 'told.log'), TOKEN) },
];

/** Falsifies a good run in every way above; prints what the checker said. Returns how many it did not find. */
export async function checkerTrials(options: RigOptions): Promise<number> {
  const rig = await openRig({ ...options, goLive: '2026-01-09' });
  try {
    rig.setClock('2026-01-09T02:00:00Z');
    rig.drop(0, bureauFiles(USUAL_LOAD)[0] ?? []);
    await rig.run({}, 'ring');
    const good = await settle(rig);
    if (Object.keys(good.broken).length > 0) throw new Error(`no good run: ${JSON.stringify(good.broken)}`);
    console.log('\nfalsified runs, each must be found out');
    return TRIALS.filter((trial) => !found(trial, rig.folder)).length;
  } finally {
    await rig.close();
  }
}

function found({ name, breaks, falsify }: Trial, good: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'hub-falsified-'));
  try {
    cpSync(good, folder, { recursive: true });
    falsify(folder);
    const broken = Object.keys(check(folder).broken);
    const seen = broken.includes(breaks);
    console.log(`${seen ? '✓ found' : '✗ not found'}  ${name}: ${broken.join(', ')}`);
    return seen;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const readRows = (folder: string, table: string): Row[] =>
  readFileSync(join(folder, `${table}.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);

const writeRows = (folder: string, table: string, rows: readonly Row[]): void =>
  writeFileSync(join(folder, `${table}.jsonl`), rows.map((row) => JSON.stringify(row)).join('\n'));

function edit(table: string, at: number, change: Row): (folder: string) => void {
  return (folder) =>
    writeRows(
      folder,
      table,
      readRows(folder, table).map((row, index) => (index === at ? { ...row, ...change } : row)),
    );
}

function add(table: string, row: Row): (folder: string) => void {
  return (folder) => writeRows(folder, table, [...readRows(folder, table), row]);
}

function editBundle(folder: string, from: string, to: string): void {
  const root = join(folder, 'log-export/tile/entries');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  const path = paths.find((one) => readFileSync(one, 'latin1').includes(from));
  if (path === undefined) throw new Error(`no entry holds ${from}`);
  writeFileSync(path, readFileSync(path, 'latin1').replace(from, to), 'latin1');
}

function swapNotes(folder: string): void {
  const [first, second, ...rest] = readRows(folder, 'checkpoints');
  writeRows(folder, 'checkpoints', [
    { ...first, note: second?.['note'] },
    { ...second, note: first?.['note'] },
    ...rest,
  ]);
}

const submits = (folder: string): Row[] => readRows(folder, 'wire').filter(({ kind }) => kind === 'submit');

function resend(folder: string, laterMs: number): void {
  const [first] = submits(folder);
  writeRows(folder, 'wire', [{ ...first, at: Number(first?.['at']) + laterMs }, ...readRows(folder, 'wire')]);
}

function askForPatience(folder: string): void {
  const last = submits(folder).at(-1);
  const busy = { kind: 'busy', status: 429, retryAfter: '120', at: Number(last?.['at']) - 30_000 };
  writeRows(folder, 'wire', [busy, ...readRows(folder, 'wire')]);
}

function ageAttempt(folder: string): void {
  const last = readRows(folder, 'attempts').at(-1);
  add('attempts', { ...last, id: Number(last?.['id']) + 1, epoch: -1 })(folder);
}

function editRequest(folder: string): void {
  const [batch] = readdirSync(join(folder, 'log-export/batches'));
  appendFileSync(join(folder, 'log-export/batches', batch ?? '', 'request'), ' ');
}

function copyEffect(folder: string): void {
  const [first] = readRows(folder, 'effects');
  add('effects', { ...first, rowId: 'a'.repeat(40), recordKey: 'b'.repeat(64) })(folder);
}
