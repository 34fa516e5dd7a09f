import fc from 'fast-check';
import { expect } from 'vitest';
import { CLOSED } from '../../src/delivery/breaker.ts';
import type { StrayReceipt } from '../../src/platform.ts';
import { takeReceipt } from '../../src/push/receive.ts';
import { endPublicity, takeNotices } from '../../src/push/withdraw.ts';
import { select } from '../../src/store/database.ts';
import { row } from '../support/hub.ts';
import type { Bench } from './bench.ts';
import type { Whim } from './far-end.ts';

/**
 * A model of the protocol, and what it may be told (faults.md F51): the bureau speaks, batches go out to a platform of many whims,
 * processes die or are overtaken by another one, receipts and notices come by themselves, time passes.
 */
export interface Model {
  /** What the bureau last said of each record. */
  readonly said: Map<number, { readonly content: number; readonly gone: boolean }>;
  /** Records whose publicity was ended by a notice: nothing shows them again. */
  readonly barred: Set<number>;
  /** Record keys (hex) of which the platform contradicted itself: a person decides. */
  readonly doubted: Set<string>;
  /** Receipts that belong to nothing. */
  orphans: number;
  day: number;
  /** Numbers receipts and notices. */
  papers: number;
}

export const newModel = (): Model => ({
  said: new Map(),
  barred: new Set(),
  doubted: new Set(),
  orphans: 0,
  day: 0,
  papers: 0,
});

const RECORDS = 3;

export type Command =
  | { readonly do: 'say'; readonly record: number; readonly gone: boolean }
  | { readonly do: 'push'; readonly whims: readonly Whim[]; readonly urgent: boolean }
  | { readonly do: 'crash'; readonly at: 'intent' | 'sent' }
  | { readonly do: 'takeover'; readonly at: 'intent' | 'sent' | 'late'; readonly whims: readonly Whim[] }
  | {
      readonly do: 'receipt';
      readonly kind: 'true' | 'again' | 'orphan' | 'other-bytes' | 'reverse';
      readonly of: number;
    }
  | { readonly do: 'notice'; readonly record: number; readonly twice: boolean }
  | { readonly do: 'query'; readonly works: boolean }
  | { readonly do: 'tick'; readonly hours: number };

const whim = fc.constantFrom<Whim>('accept', 'receive', 'lose-answer', 'lose-request', 'down', 'busy');
const whims = fc.array(whim, { maxLength: 3 });
const record = fc.nat(RECORDS - 1);
const told = <D extends string>(name: D): fc.Arbitrary<D> => fc.constant(name);

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: told('say'), record, gone: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: told('push'), whims, urgent: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: told('crash'), at: fc.constantFrom('intent', 'sent') }) },
  { weight: 2, arbitrary: fc.record({ do: told('takeover'), at: fc.constantFrom('intent', 'sent', 'late'), whims }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: told('receipt'),
      kind: fc.constantFrom('true', 'true', 'again', 'orphan', 'other-bytes', 'reverse'),
      of: fc.nat(5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: told('notice'), record, twice: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: told('query'), works: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: told('tick'), hours: fc.integer({ min: 1, max: 30 }) }) },
);

type Told<D extends Command['do']> = Extract<Command, { readonly do: D }>;

export async function obey(b: Bench, model: Model, command: Command): Promise<void> {
  if (command.do === 'say') return say(b, model, command);
  if (command.do === 'push') return pushOut(b, command);
  if (command.do === 'crash') return crash(b, command);
  if (command.do === 'takeover') return takeover(b, command);
  if (command.do === 'receipt') return receipt(b, model, command);
  if (command.do === 'notice') return notice(b, model, command);
  if (command.do === 'tick') return b.wait(command.hours * 3600);
  b.far.query_ = command.works ? 'works' : 'fails';
}

/** The bureau speaks; each time it says something new, and later than before. */
async function say(b: Bench, model: Model, { record, gone }: Told<'say'>): Promise<void> {
  model.day += 1;
  model.said.set(record, { content: model.day, gone });
  const at = new Date(Date.UTC(2026, 0, 1) + model.day * 60_000).toISOString().slice(0, 19).replace('T', ' ');
  const end = gone ? { status: 'revoked', ended: '2026-11-26' } : {};
  await b.take(row(record, { content: `内容${model.day}`, revised: at, ...end }));
}

const openGuard = () => ({ breaker: CLOSED, held: new Set<number>() });

async function pushOut(b: Bench, { whims, urgent }: Told<'push'>): Promise<void> {
  b.far.whims.splice(0, b.far.whims.length, ...whims);
  await b.push({ guard: openGuard(), batchSize: 2, seals: urgent ? 'withdrawals' : 'all' });
}

/** Killed after the intent was committed: before a byte left, or after all of them did. */
async function crash(b: Bench, { at }: Told<'crash'>): Promise<void> {
  const send: typeof b.far.send = async (batch, signal) => {
    if (at === 'sent') await b.far.send(batch, signal);
    throw new Error('killed');
  };
  await b.push({ guard: openGuard(), batchSize: 2, platform: { ...b.far, send } }).catch(() => {});
}

/** Longer than a lease and a request together, ms. */
const DOUBT_MS = 62_000;

/**
 * The holder stands still after its intent, another process takes over under a higher epoch, then the first one goes on: with the
 * answer that it had, or even (`late`) with its one request, within the time that the successor waits for that. It must change nothing.
 */
async function takeover(b: Bench, { at, whims }: Told<'takeover'>): Promise<void> {
  let before: string | undefined;
  const send: typeof b.far.send = async (batch, signal) => {
    const had = at === 'sent' ? await b.far.send(batch, signal) : undefined;
    b.far.whims.splice(0, b.far.whims.length, ...whims);
    const lease = { leftMs: () => 60_000, doubtMs: DOUBT_MS, takenAt: b.clock.now };
    await b.push({ guard: openGuard(), batchSize: 2, lease });
    b.far.whims.length = 0;
    const answer = had ?? (await b.far.send(batch, signal));
    before = await outbox(b);
    return answer;
  };
  const first = b.push({ guard: openGuard(), batchSize: 2, platform: { ...b.far, send } });
  await first.catch((error: unknown) => expect(error).toMatchObject({ code: 'LEASE_LOST' }));
  if (before !== undefined) expect(await outbox(b)).toBe(before);
}

/** Everything that a delivery may change. */
async function outbox({ hub: { db } }: Bench): Promise<string> {
  const batches = await select(db, 'SELECT id, state, attempts, epoch, receipt_id FROM batches ORDER BY seq');
  const members = await select(db, 'SELECT idem_key, state, verdict FROM deliveries ORDER BY record_id, version');
  return JSON.stringify([batches, members]);
}

/** A receipt comes by itself: a true one (early, late or once more), one that belongs to nothing, or one that contradicts. */
async function receipt(b: Bench, model: Model, { kind, of }: Told<'receipt'>): Promise<void> {
  const held = [...b.far.taken.entries()];
  const [batchId, batch] = held[of % Math.max(1, held.length)] ?? [];
  model.papers += 1;
  const before = await outbox(b);
  const context = await b.context();
  if (kind === 'orphan' || batchId === undefined || batch === undefined) {
    model.orphans += 1;
    const nowhere = { ...paper(`O-${model.papers}`), batchId: of % 2 === 0 ? undefined : 'zzzz' };
    expect([await takeReceipt(nowhere, context), await takeReceipt(nowhere, context)]).toEqual([
      'orphaned',
      'repeated',
    ]);
    expect(await outbox(b)).toBe(before);
    return;
  }
  const { rows, digest } = batch;
  const verdicts = rows.map(({ rowId }) => ({ idemKey: rowId, outcome: 'accepted' as const, code: 'OK' }));
  const whole = { ...paper(`S-${model.papers}`), batchId, bodyDigest: digest, count: rows.length, verdicts };
  if (kind === 'true' || kind === 'again') {
    await takeReceipt(whole, context);
    const settled = await outbox(b);
    const again = kind === 'again' ? { ...whole, verdicts: verdicts.toReversed() } : whole;
    await takeReceipt(again, context);
    expect(await outbox(b)).toBe(settled);
    return;
  }
  for (const { recordKey } of rows) model.doubted.add(recordKey);
  const rejected = rows.map(({ rowId }) => ({
    ...{ idemKey: rowId, outcome: 'rejected' as const },
    ...{ code: 'FORMAT_ERROR', reason: '有误' },
  }));
  const wrong = kind === 'reverse' ? { verdicts: rejected } : { bodyDigest: '0'.repeat(64) };
  await takeReceipt({ ...whole, ...wrong }, context);
}

const paper = (receiptId: string): StrayReceipt => ({
  receiptId,
  batchId: undefined,
  level: 3,
  verdicts: [],
  evidence: { bytes: Buffer.from(receiptId) },
  taken: async () => {},
});

/** 信用修复: the platform tells us that a record's publicity has ended. A notice of what nobody knows changes nothing. */
async function notice(b: Bench, model: Model, { record, twice }: Told<'notice'>): Promise<void> {
  model.papers += 1;
  if (model.said.has(record)) model.barred.add(record);
  const { number, code } = row(record) as { number: string; code: string };
  const one = {
    ...{ noticeId: `N-${model.papers}`, number, creditCode: code, decidedOn: '2026-11-26' },
    ...{ reason: '准予信用修复', taken: async () => {} },
  };
  b.far.pendingNotices.push(...(twice ? [one, one] : [one]));
  await takeNotices(await b.context());
}

/** Faults have stopped; everything that is owed comes to its end. */
export async function drain(b: Bench): Promise<void> {
  b.far.query_ = 'works';
  b.far.whims.length = 0;
  for (let round = 0; round < 4; round += 1) {
    b.wait(8 * 3600);
    await endPublicity([], await b.context());
    await b.push({ guard: openGuard() });
  }
}

/** At the end the platform shows of every record exactly what the bureau last said, every key had one effect and one content. */
export async function judge(b: Bench, model: Model): Promise<void> {
  const open = "SELECT COUNT(*) AS n FROM deliveries WHERE state = 'open'";
  expect(await select(b.hub.db, open)).toEqual([{ n: 0 }]);
  expect([...b.far.effects.values()].every((times) => times === 1)).toBe(true);
  const contents = new Map<string, Set<string>>();
  for (const { rows } of b.far.sends)
    for (const { rowId, payloadHash } of rows)
      contents.set(rowId, (contents.get(rowId) ?? new Set<string>()).add(payloadHash));
  expect([...contents.values()].every(({ size }) => size === 1)).toBe(true);
  expect(await select(b.hub.db, 'SELECT COUNT(*) AS n FROM orphan_receipts')).toEqual([{ n: model.orphans }]);
  await judgeShown(b, model);
}

async function judgeShown(b: Bench, model: Model): Promise<void> {
  const library = await select<{ key: Buffer; number: string; newest: number; operation: string }>(
    b.hub.db,
    'SELECT record_key AS "key", number, newest_version AS newest, newest_operation AS operation FROM records',
  );
  expect(library).toHaveLength(model.said.size);
  for (const [record, { gone }] of model.said) {
    const kept = library.find(({ number }) => number === row(record)['number']);
    const key = kept?.key.toString('hex') ?? '';
    const shown = b.far.shown.get(key);
    if (model.doubted.has(key)) continue;
    const barred = model.barred.has(record);
    if (!barred) expect(kept?.operation).toBe(gone ? 'WITHDRAW' : 'UPSERT');
    // A record that was gone before it was ever shown is not spoken of at all.
    if ((gone || barred) && shown === undefined) continue;
    expect(shown).toMatchObject({ op: gone || barred ? 'D' : 'U', version: kept?.newest });
  }
}
