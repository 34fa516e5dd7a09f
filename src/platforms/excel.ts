import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageName } from '../delivery/package-name.ts';
import { HubError } from '../errors.ts';
import type { Answer, HeldRecord, OutgoingBatch, Platform, QueryAnswer } from '../platform.ts';
import type { ExcelPlatformSpec, HoldingsSpec } from '../platform-spec.ts';
import { addPackage, type CarriedPackage, markWritten, packageOf } from '../store/carried-packages.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { withAnchored } from './anchored.ts';
import { type ByHand, byHand } from './by-hand.ts';
import { holdingsIn, newestList, noList } from './holdings-file.ts';
import { codeOf, compareLocal, writeWhole } from './local-file.ts';
import type { OpenOptions } from './open.ts';

const DEFAULT_NAME = '{platform}_{period}_{seq}_{batch_id8}.xlsx';

/** Upload files for a person: docs/platform-excel.md. A batch is handed over when a person says so or a receipt comes back. */
export async function openExcel(spec: ExcelPlatformSpec, options: OpenOptions): Promise<Platform> {
  const { name: lane, db, now } = options;
  if (db === undefined) throw noDatabase(lane);
  const hand = byHand(db, lane, { now, terms: spec.receipt ?? {} });
  const desk: Desk = { spec, lane, db, now, hand };
  return {
    carried: true,
    send: async (batch, signal) => {
      signal.throwIfAborted();
      return lay(desk, batch, await packageOf(db, lane, batch.batchId));
    },
    query: async (batch) => look(desk, batch, await packageOf(db, lane, batch.batchId)),
    strayReceipts: () => hand.stray(),
    ...(spec.holdings === undefined ? {} : { holdings: localHoldings(spec.holdings) }),
    close: async () => {},
  };
}

const noDatabase = (lane: string): HubError =>
  new HubError('PLATFORM_WRONG', `平台 ${lane} 由人传递，须有数据库 (people carry to ${lane}: a database is needed)`, {
    remedy: 'give-up',
    fix: '这是程序缺陷，请报告 (a bug: please report it)',
  });

const localHoldings = (holdings: HoldingsSpec) =>
  async function* (): AsyncGenerator<HeldRecord> {
    const names = await readdir(holdings.folder).catch((): string[] => []);
    const newest = newestList(names, holdings);
    if (newest === undefined) throw noList(holdings.folder);
    yield* holdingsIn(newest, await readFile(join(holdings.folder, newest)));
  };

interface Desk {
  readonly spec: ExcelPlatformSpec;
  readonly lane: string;
  readonly db: Db;
  readonly now: () => Date;
  readonly hand: ByHand;
}

const nameOf = ({ spec, lane }: Desk, { period, seq, batchId }: OutgoingBatch): string =>
  packageName(spec.fileName ?? DEFAULT_NAME, { platform: lane, period, seq, batchId });

type Known = CarriedPackage | undefined;

/** Puts the file where a person finds it, and takes down that it lies there: from then on its absence means that it was taken. */
async function lay(desk: Desk, batch: OutgoingBatch, known: Known): Promise<Answer> {
  const { db, lane, now, spec } = desk;
  const name = nameOf(desk, batch);
  if (known?.writtenAt) return laid(desk, batch, known);
  const slot = spec.anchor === undefined || batch.anchor === undefined ? {} : { anchor: batch.anchor };
  if (known === undefined) {
    const { batchId, bodyDigest: contentDigest } = batch;
    const one = { lane, number: null, batchId, name, headerDigest: null, contentDigest, ...slot };
    await inTransaction(db, (tx) => addPackage(tx, one, now()));
  }
  try {
    await layAnchor(spec, name, known === undefined ? slot.anchor : known.anchor);
    await writeWhole(spec.folder, name, batch.body);
    if ((await compareLocal(spec.folder, name, batch.bodyDigest)) === 'other') return conflict(name);
  } catch (error) {
    return notWritten(spec.folder, codeOf(error));
  }
  await markWritten(db, lane, name, now());
  return waiting(desk, batch);
}

/** The signed note itself beside the file, before it: a person puts it where the page has a remark or an attachment. */
async function layAnchor({ folder, anchor: slot }: ExcelPlatformSpec, name: string, text: string | null | undefined) {
  if (slot !== undefined && text) await writeWhole(folder, `${name}${slot.file}`, Buffer.from(text, 'base64'));
}

/** It was laid out before: what came back says how it stands, but never speaks for other bytes. */
async function laid(desk: Desk, batch: OutgoingBatch, known: CarriedPackage) {
  if (known.contentDigest !== batch.bodyDigest) return conflict(known.name);
  const answer = await desk.hand.answer(batch);
  return answer === undefined ? waiting(desk, batch) : withAnchored(answer, known.anchor);
}

async function look(desk: Desk, batch: OutgoingBatch, known: Known): Promise<QueryAnswer> {
  const { db, lane, now, spec } = desk;
  if (known?.writtenAt) return laid(desk, batch, known);
  const name = nameOf(desk, batch);
  const found = await compareLocal(spec.folder, name, batch.bodyDigest).catch(() => 'absent' as const);
  if (found === 'other') return conflict(name);
  if (found === 'absent' || known === undefined) return { outcome: 'absent', evidence: {} };
  // The process died between the file and its note.
  await markWritten(db, lane, name, now());
  return waiting(desk, batch);
}

const waiting = (desk: Desk, batch: OutgoingBatch): Extract<Answer, { outcome: 'unknown' }> => ({
  outcome: 'unknown',
  reason: `${nameOf(desk, batch)} 已放在 ${desk.spec.folder}，待人工上传；上传后请 hub receipts confirm 或导入回执 (lies ready for a person to upload: then confirm it, or import the receipt)`,
  evidence: {},
});

const conflict = (name: string): Extract<Answer, { outcome: 'conflict' }> => ({
  outcome: 'conflict',
  reason: `${name} 已存在且内容不同，未覆盖 (a file of this name is there with other content; it was not overwritten)`,
  evidence: {},
});

/** Nothing lies there: a full disk mends itself, a missing folder does not. */
const notWritten = (folder: string, code: string): Extract<Answer, { outcome: 'not-sent' }> => ({
  outcome: 'not-sent',
  reason: `写不进 ${folder}（${code}）：请检查目录、权限与磁盘空间 (cannot write there: check folder, rights and disk space)`,
  page: code !== 'ENOSPC' && code !== 'EDQUOT',
  evidence: {},
});
