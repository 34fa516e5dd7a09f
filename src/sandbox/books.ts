import Database from 'better-sqlite3';
import { addDays, startOfDay } from './days.ts';
import type { DirtyCase, Outcome } from './dirt.ts';
import { cleanRow, DIRTY_CASES, hasTwinBefore, makeRecord } from './generator.ts';
import { personName } from './holders.ts';
import { type Random, randomFrom } from './random.ts';
import { KINDS, type Kind, type Row, type World } from './world.ts';

/** A row as its system shows it now. */
export interface Entry {
  readonly kind: Kind;
  readonly index: number;
  readonly row: Row;
  /** Local seconds since 1970-01-01 00:00 of the last change. */
  readonly changedAt: number;
}

/** A dirty record that its bureau has not corrected yet, and what the hub is expected to make of it. */
export interface Expectation {
  readonly kind: Kind;
  /** The bureau's own row id. */
  readonly rowId: string;
  readonly label: string;
  readonly outcome: Outcome;
  /** Where a record to be quarantined is set aside. */
  readonly stage: 'intake' | 'outbound';
  readonly zh: string;
  readonly en: string;
}

export interface Advance {
  readonly today: string;
  readonly added: number;
  readonly revised: number;
  readonly withdrawn: number;
}

/**
 * What all desks of the bureau have written down. Rows are made when asked for; only what changed since the
 * first day is kept, in an SQLite file, so a restart goes on where it stopped.
 */
export interface Books {
  readonly world: World;
  today(): string;
  count(kind: Kind): number;
  /** Rows changed at or after `since`, in the order of their change; `total` counts all of them. */
  list(kind: Kind, wish: ListWish): { readonly rows: readonly Entry[]; readonly total: number };
  /** Days go by: new records, revisions, withdrawals. */
  advance(days: number): Advance;
  /** The divisions correct every record that the hub is expected to set aside; returns how many. */
  mend(): number;
  expectations(): Generator<Expectation>;
  /** Small things that a desk must remember, such as the last file it dropped. */
  note(name: string): string | undefined;
  setNote(name: string, value: string): void;
  close(): void;
}

interface ListWish {
  /** Local seconds. */
  readonly since?: number;
  readonly offset: number;
  readonly limit: number;
}

interface Change {
  readonly changedAt: number;
  /** The day on which a record that came later was made. */
  readonly born?: string;
  readonly mended?: boolean;
  readonly columns: Row;
}

const QUARTER_DAY = 6 * 3600;
const SPAN = 20 * 86_400;

export function openBooks(file: string, wanted: World): Books {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(TABLES);
  const readNote = db.prepare<[string], { value: string }>('SELECT value FROM notes WHERE name = ?');
  const writeNote = db.prepare('INSERT INTO notes VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
  const note = (name: string): string | undefined => readNote.get(name)?.value;
  const setNote = (name: string, value: string): void => void writeNote.run(name, value);
  // What was played before goes on: a folder belongs to one world.
  const told = note('world');
  if (told === undefined) setNote('world', JSON.stringify(wanted));
  const world: World = told === undefined ? wanted : JSON.parse(told);
  const today = (): string => note('today') ?? world.today;

  const changes = loadChanges(db);
  const count = (kind: Kind): number => newestOf(changes[kind].keys(), world.size[kind]);
  const pen: Pen = {
    world,
    changes,
    change: penOf(db, changes),
    clock: () => clockFrom(Math.max(Number(note('lastChange') ?? 0), startOfDay(today()) - QUARTER_DAY), setNote),
    count,
    today,
    turnTo: (day) => setNote('today', day),
  };
  return {
    world,
    today,
    count,
    list: (kind, wish) => listRows({ world, changes }, kind, wish),
    advance: (days) => db.transaction(() => letDaysGoBy(pen, days))(),
    mend: () => db.transaction(() => mendAll(pen))(),
    expectations: () => expectationsOf({ world, changes }),
    note,
    setNote,
    close: () => void db.close(),
  };
}

const TABLES = `
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS changes (kind TEXT, idx INTEGER, change TEXT NOT NULL, PRIMARY KEY (kind, idx));`;

function newestOf(indices: Iterable<number>, size: number): number {
  let newest = size;
  for (const index of indices) newest = Math.max(newest, index + 1);
  return newest;
}

function penOf(db: Database.Database, changes: Changes): Pen['change'] {
  const write = db.prepare('INSERT INTO changes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET change = excluded.change');
  return (kind, index, next) => {
    write.run(kind, index, JSON.stringify(next));
    changes[kind].set(index, next);
  };
}

/** Later than every change before it, and hardly later than the small hours of today. */
function clockFrom(start: number, setNote: (name: string, value: string) => void): () => number {
  let last = start;
  return () => {
    last++;
    setNote('lastChange', String(last));
    return last;
  };
}

/** The two halves of one case are written in the same moment. */
function firstChangeOf(world: World, kind: Kind, index: number): number {
  const place = hasTwinBefore(world, kind, index) ? index - 1 : index;
  return startOfDay(world.today) - QUARTER_DAY - SPAN + Math.floor((place * SPAN) / Math.max(1, world.size[kind]));
}

function entryOf({ world, changes }: Shelf, kind: Kind, index: number): Entry {
  const made = changes[kind].get(index);
  const changedAt = made?.changedAt ?? firstChangeOf(world, kind, index);
  if (made?.born !== undefined) {
    const row = cleanRow({ ...world, today: made.born }, kind, index);
    return { kind, index, row: { ...row, ...made.columns }, changedAt };
  }
  const row = made?.mended === true ? cleanRow(world, kind, index) : makeRecord(world, kind, index).row;
  return { kind, index, row: { ...row, ...made?.columns }, changedAt };
}

function* expectationsOf({ world, changes }: Shelf): Generator<Expectation> {
  for (const kind of KINDS) {
    for (let index = 0; index < world.size[kind]; index++) {
      const { dirty, outcome, row } = makeRecord(world, kind, index);
      if (dirty === undefined || changes[kind].get(index)?.mended === true) continue;
      const { zh, en, stage = 'intake' } = caseOf(kind, dirty);
      yield { kind, rowId: rowIdOf(kind, index, row), label: dirty, outcome, stage, zh, en };
    }
  }
}

type Changes = { readonly [kind in Kind]: Map<number, Change> };

/** What it takes to write into the books. */
interface Pen {
  readonly world: World;
  readonly changes: Changes;
  change(kind: Kind, index: number, next: Change): void;
  /** Gives moments, each later than all before it. */
  clock(): () => number;
  count(kind: Kind): number;
  today(): string;
  turnTo(day: string): void;
}

function letDaysGoBy(pen: Pen, days: number): Advance {
  pen.turnTo(addDays(pen.today(), days));
  const tick = pen.clock();
  const done = { today: pen.today(), added: 0, revised: 0, withdrawn: 0 };
  for (const kind of KINDS) {
    const size = pen.world.size[kind];
    const some = size === 0 ? 0 : Math.max(2, Math.round(size * 0.002 * days));
    const next = pen.count(kind);
    for (let i = 0; i < some; i++) pen.change(kind, next + i, { changedAt: tick(), born: pen.today(), columns: {} });
    const revised = touchSome(pen, kind, some, tick);
    done.added += some;
    done.revised += revised.revised;
    done.withdrawn += revised.withdrawn;
  }
  return done;
}

/** Revises `some` records without fault, and withdraws half as many others. */
function touchSome(
  pen: Pen,
  kind: Kind,
  some: number,
  tick: () => number,
): { readonly revised: number; readonly withdrawn: number } {
  const random = randomFrom(pen.world.seed, 'advance', kind, pen.today());
  const touched = cleanOnes(pen.world, kind, random, some + Math.ceil(some / 2));
  for (const [i, index] of touched.entries()) {
    const before = pen.changes[kind].get(index);
    const columns = i < some ? revision(kind, random) : withdrawal(kind, random, pen.today());
    pen.change(kind, index, { ...before, changedAt: tick(), columns: { ...before?.columns, ...columns } });
  }
  return { revised: Math.min(some, touched.length), withdrawn: Math.max(0, touched.length - some) };
}

function mendAll({ world, changes, change, clock }: Pen): number {
  const tick = clock();
  let mended = 0;
  for (const kind of KINDS) {
    for (let index = 0; index < world.size[kind]; index++) {
      const before = changes[kind].get(index);
      if (before?.mended === true || makeRecord(world, kind, index).outcome === 'accepted') continue;
      change(kind, index, { columns: {}, ...before, mended: true, changedAt: tick() });
      mended++;
    }
  }
  return mended;
}

interface Shelf {
  readonly world: World;
  readonly changes: Changes;
}

/** First the rows that stand as they were made, then the changed ones: both in the order of their moments. */
function listRows(
  shelf: Shelf,
  kind: Kind,
  wish: ListWish,
): { readonly rows: readonly Entry[]; readonly total: number } {
  const { world, changes } = shelf;
  const { since = 0, offset, limit } = wish;
  const size = world.size[kind];
  let first = Math.min(size, Math.max(0, Math.floor(((since - firstChangeOf(world, kind, 0)) * size) / SPAN) - 2));
  while (first < size && firstChangeOf(world, kind, first) < since) first++;
  const gone = [...changes[kind].keys()].filter((index) => index >= first && index < size).sort((a, b) => a - b);
  const still = size - first - gone.length;
  const rows: Entry[] = [];
  let position = first + offset;
  for (const index of gone) if (index <= position) position++;
  for (; position < size && rows.length < limit; position++)
    if (!changes[kind].has(position)) rows.push(entryOf(shelf, kind, position));
  const changed = [...changes[kind]]
    .filter(([, { changedAt }]) => changedAt >= since)
    .sort(([, a], [, b]) => a.changedAt - b.changedAt);
  const from = Math.max(0, offset - still);
  for (const [index] of changed.slice(from, from + limit - rows.length)) rows.push(entryOf(shelf, kind, index));
  return { rows, total: still + changed.length };
}

function rowIdOf(kind: Kind, index: number, row: Row): string {
  if (kind === 'penalty') return String(index + 1);
  return row[kind === 'enterprise' ? 'entid' : 'lsh'] ?? '';
}

function caseOf(kind: Kind, label: string): Pick<DirtyCase, 'zh' | 'en' | 'stage'> {
  return DIRTY_CASES.find((dirty) => dirty.label === label && dirty.kinds.includes(kind)) ?? { zh: label, en: label };
}

function loadChanges(db: Database.Database): Changes {
  const changes: Changes = {
    broadcast: new Map(),
    publication: new Map(),
    printing: new Map(),
    penalty: new Map(),
    enterprise: new Map(),
  };
  const rows = db
    .prepare<[], { kind: Kind; idx: number; change: string }>('SELECT kind, idx, change FROM changes')
    .iterate();
  for (const { kind, idx, change } of rows) changes[kind].set(idx, JSON.parse(change));
  return changes;
}

/** Records without any fault, so that a revision changes what it says and nothing else. */
function cleanOnes(world: World, kind: Kind, random: Random, wanted: number): number[] {
  const found = new Set<number>();
  for (let tries = 0; tries < wanted * 20 && found.size < wanted; tries++) {
    const index = random.int(0, world.size[kind] - 1);
    if (makeRecord(world, kind, index).dirty === undefined) found.add(index);
  }
  return [...found];
}

function revision(kind: Kind, random: Random): Row {
  const person = personName(random);
  if (kind === 'enterprise') return { lerep: person };
  if (kind === 'penalty') return { bz: '更正：补充违法事实认定材料' };
  return { fddbr: person, bz: '变更法定代表人' };
}

function withdrawal(kind: Kind, random: Random, today: string): Row {
  const day = addDays(today, -1);
  if (kind === 'enterprise') return { regstate: '注销', statedate: day };
  if (kind === 'penalty') {
    return random.next() < 0.5
      ? { zt: '2', ztrq: day, ztyy: '行政复议决定撤销' }
      : { zt: '3', ztrq: day, ztyy: '信用修复' };
  }
  return random.next() < 0.5
    ? { zt: '4', ztrq: day, ztyy: '持证单位申请注销' }
    : { zt: '3', ztrq: day, ztyy: '以欺骗手段取得许可，依法撤销' };
}
