import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readCheckpoint } from '../evidence/checkpoint.ts';
import { sequenceAll } from '../evidence/sequencer.ts';
import type { Json, JsonObject } from '../json.ts';
import { keepAnchor } from '../store/checkpoints.ts';
import { type Db, inTransaction, keepFewPages } from '../store/database.ts';
import { approvalEntries, type PackEntryRow } from '../store/evidence-rows.ts';
import { appendLog } from '../store/log.ts';
import { readHead } from '../store/log-tree.ts';
import { coveringHead, type PackHead, stillLogged, withSealedMeanwhile } from './covering-head.ts';
import { approvalsIn } from './pack-approvals.ts';
import { jsonOf, writeBatch } from './pack-batch.ts';
import { contextEntries } from './pack-context.ts';
import { refuseOtherHub } from './pack-hub.ts';
import { openPackLedger } from './pack-ledger.ts';
import { writeBundles, writeCheckpoints, writeProofs, writeTiles } from './pack-log.ts';
import { packReadme } from './pack-readme.ts';
import { type PackScope, type ResolvedScope, resolveScope } from './pack-scope.ts';
import { openSink, outTaken, type PackSink } from './pack-sink.ts';

/** What an export needs besides its scope. */
export interface ExportContext {
  readonly db: Db;
  readonly hubId: string;
  readonly timezone: string;
  readonly actor: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  /** How long to wait for the signer to cover what the pack is about, ms. */
  readonly waitMs: number;
}

export interface ExportedPack {
  readonly out: string;
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  readonly batches: number;
  readonly members: number;
  readonly entries: number;
  readonly files: number;
}

/**
 * Writes an evidence pack (docs/evidence-format.md §7) as a folder or `.zip`. The export is itself an entry of the log.
 * Throws HubError PACK_…, LOG_UNSIGNED.
 */
export async function exportPack(scope: PackScope, out: string, context: ExportContext): Promise<ExportedPack> {
  if (existsSync(out)) throw outTaken(out);
  const { db, actor, now } = context;
  await keepFewPages(db);
  const resolved = await resolveScope(db, scope);
  await refuseOtherHub(resolved.batches, context);
  const detail = { scope: scope.kind, batches: resolved.batches.length, ...named(resolved) };
  await inTransaction(db, (tx) => appendLog(tx, now(), [{ actor, action: 'log.exported', detail }]));
  await sequenceAll(db);
  const head = await coveringHead(resolved, context);
  const logged = await stillLogged(db, await withSealedMeanwhile(db, resolved, head), head);
  const sink = await openSink(out, now());
  const work = mkdtempSync(join(dirname(resolve(out)), '.hub-pack-'));
  try {
    const written = await writePack(logged, { ...context, sink, head, work });
    await sink.close();
    await noteHandOver(head, written.root, context);
    return { out, ...written, files: sink.files.size + 1 };
  } catch (error) {
    sink.abort();
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Whoever takes a pack away holds its head outside of the hub from then on. */
const noteHandOver = ({ logNo, size }: PackHead, root: string, { db, actor, now }: ExportContext): Promise<void> =>
  inTransaction(db, (tx) =>
    keepAnchor(tx, {
      ...{ at: now().toISOString(), kind: 'auditor', place: actor.slice(0, 128), logNo, size },
      root: Buffer.from(root, 'base64'),
    }),
  );

/** What the log may say of a scope: no names and no numbers of persons. */
function named({ kind, value, platform, records }: ResolvedScope): JsonObject {
  const of = platform === undefined ? {} : { of: platform };
  if (kind === 'period' || kind === 'batch') return { value, ...of };
  return records === undefined ? of : { records: [...records].slice(0, 50), ...of };
}

interface Writing extends ExportContext {
  readonly sink: PackSink;
  readonly head: PackHead;
  /** A folder for files that are not finished yet. */
  readonly work: string;
}

async function writePack(scope: ResolvedScope, context: Writing): Promise<Omit<ExportedPack, 'out' | 'files'>> {
  const { db, sink, head } = context;
  const log = { db, sink, head };
  for (const [path, file] of VERIFIERS) await sink.add(path, readFileSync(new URL(file, import.meta.url)));
  await writeCheckpoints(log);
  await writeTiles(log);
  const { entries, totals, members } = await writeBatches(scope, context);
  const complete = scope.kind === 'log';
  const minimumIndex = complete ? (await readHead(db)).minimumIndex : undefined;
  for (const row of await contextEntries(db, scope, { head, indices: [...entries.keys()] }))
    entries.set(row.index, row);
  const disclosed = [...entries.values()].toSorted((a, b) => a.index - b.index);
  await sink.add(
    'approvals.json',
    jsonOf(await approvalsIn(db, complete ? await approvalEntries(db, head.logNo, head.size) : disclosed)),
  );
  await sink.add('report.json', jsonOf({ members: totals }));
  await writeBundles(log, complete ? { allFrom: minimumIndex ?? 0 } : { indices: entries.keys() });
  if (!complete) await writeProofs(log, disclosed);
  const signed = readCheckpoint(head.note);
  if ('wrong' in signed) throw new Error(`checkpoint ${head.size}: ${signed.wrong}`);
  const root = signed.root.toString('base64');
  await sink.add('README.txt', packReadme({ scope, origin: head.origin, size: head.size, root }));
  const indices = complete ? [] : disclosed.map(({ index }) => index);
  await sink.add('manifest.json', jsonOf(manifest(scope, { ...context, root, indices, complete, minimumIndex })));
  const { origin, size } = head;
  return { origin, size, root, batches: scope.batches.length, members, entries: complete ? size : indices.length };
}

const VERIFIERS = [
  ['verify.mjs', './verify.mjs'],
  ['verify.py', './verify.py'],
] as const;

interface Totals {
  readonly [platform: string]: { readonly [state: string]: number };
}

/** Batches one after the other, each to the pack and to the printed ledger. */
async function writeBatches(
  scope: ResolvedScope,
  context: Writing,
): Promise<{ entries: Map<number, PackEntryRow>; totals: Totals; members: number }> {
  const { db, sink, head } = context;
  const entries = new Map<number, PackEntryRow>();
  const totals: { [platform: string]: { [state: string]: number } } = {};
  let members = 0;
  const ledger = openPackLedger(scope, context);
  const about = { db, sink, logNo: head.logNo, size: head.size, records: scope.records };
  for (const batch of scope.batches) {
    context.signal.throwIfAborted();
    const written = await writeBatch(batch, about);
    for (const entry of written.replayed.entries) entries.set(entry.index, entry);
    for (const member of written.members) {
      if (member.standing === 'split') continue;
      totals[batch.platform] ??= {};
      const counts = totals[batch.platform] ?? {};
      counts[member.standing] = (counts[member.standing] ?? 0) + 1;
      members += 1;
    }
    await ledger.print(batch, written.members);
  }
  await ledger.end();
  return { entries, totals, members };
}

interface ManifestFacts extends Writing {
  readonly root: string;
  readonly indices: readonly number[];
  readonly complete: boolean;
  readonly minimumIndex: number | undefined;
}

function manifest(scope: ResolvedScope, facts: ManifestFacts): Json {
  const { head, hubId, root, complete, minimumIndex, indices, now, sink } = facts;
  const { kind, value, platform } = scope;
  return {
    format: 'zhengxin-evidence-pack@1',
    origin: head.origin,
    number: head.logNo,
    size: head.size,
    root,
    hubId,
    madeAt: now().toISOString(),
    scope: { kind, value, ...(platform === undefined ? {} : { platform }) },
    complete,
    ...(minimumIndex === undefined ? {} : { minimumIndex }),
    entries: [...indices],
    batches: scope.batches.map(({ id }) => id),
    files: Object.fromEntries(Array.from(sink.files, ([path, { bytes, sha256 }]) => [path, { bytes, sha256 }])),
  };
}
