import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../canonical.ts';
import type { Answer, OutgoingBatch, QueryAnswer } from '../platform.ts';
import { openPlatform } from '../platforms/index.ts';
import { codeOf, compareLocal, writeWhole } from '../platforms/local-file.ts';
import { type ReceiptFile, readReceiptFiles } from '../platforms/receipt-file.ts';
import { answerOf } from '../platforms/receipt-verdicts.ts';
import { FileDamage } from '../sources/file-damage.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { type Arrival, arrivalContent, arrivalsIn, moveArrival } from '../store/ferry-arrivals.ts';
import { unpackBody } from '../store/outbox.ts';
import type { Channel, ToFolder } from './channel-file.ts';
import { arrivingLane, returningLane } from './ferry-lanes.ts';
import { keepReturn, receiptFrom } from './return-receipts.ts';

export interface HandOn {
  readonly db: Db;
  readonly now: () => Date;
  readonly channel: Channel;
  readonly allowedHosts: readonly string[];
  readonly actor: string;
  readonly signal: AbortSignal;
}

/** How one batch stands at the inner side after this round. */
export interface HandedOn {
  readonly number: number;
  readonly batchId: string;
  readonly outcome: QueryAnswer['outcome'] | 'not-sent' | 'contract-fault';
  readonly reason: string | null;
}

/**
 * Hands accepted batches on in their order and asks for what is still unanswered; every answer becomes a return receipt. What was cut
 * off in between is asked about before anything is sent again; the inner side's own id is the batch's, so a repeat has no effect.
 */
export async function handOn(context: HandOn): Promise<readonly HandedOn[]> {
  const inner = await openInner(context);
  try {
    const done: HandedOn[] = [];
    for (const arrival of await arrivalsIn(context.db, arrivingLane(context.channel.channel), ['ACCEPTED', 'SENT'])) {
      const batch = await batchOf(context.db, arrival);
      const answer = await step(context, inner, arrival, batch);
      const reason = 'reason' in answer ? answer.reason : null;
      done.push({ number: arrival.number, batchId: batch.batchId, outcome: answer.outcome, reason });
      // Order is part of the promise: nothing overtakes a batch that could not be handed on.
      if (['not-sent', 'contract-fault', 'absent'].includes(answer.outcome)) break;
    }
    return done;
  } finally {
    await inner.close();
  }
}

type Inner = Awaited<ReturnType<typeof openPlatform>>;

const openInner = async ({ channel, db, now, allowedHosts }: HandOn): Promise<Inner> =>
  'platform' in channel.to
    ? openPlatform(channel.to.platform, { name: channel.channel, allowedHosts, now, db, hubId: channel.hub })
    : folderInner(channel.to);

async function batchOf(db: Db, arrival: Arrival): Promise<OutgoingBatch> {
  const body = await unpackBody(await arrivalContent(db, arrival.lane, arrival.number));
  const { records }: { records: readonly { readonly rowId: string }[] } = JSON.parse(body.toString('utf8'));
  return {
    batchId: arrival.batchId ?? '',
    seq: arrival.number,
    period: null,
    epoch: 1,
    body,
    bodyDigest: sha256(body),
    contentType: arrival.contentType,
    idemKeys: records.map(({ rowId }) => rowId),
    acknowledged: arrival.state === 'SENT',
    ...(arrival.anchor === null ? {} : { anchor: arrival.anchor }),
  };
}

async function step(context: HandOn, inner: Inner, arrival: Arrival, batch: OutgoingBatch) {
  const { db, now, channel, actor, signal } = context;
  const asked = arrival.state === 'SENT' ? await inner.query(batch, signal) : undefined;
  if (asked === undefined) await moveArrival(db, arrival, 'SENT');
  const answer = asked === undefined || asked.outcome === 'absent' ? await inner.send(batch, signal) : asked;
  const receipt = receiptFrom(batch.batchId, answer);
  await inTransaction(db, async (tx) => {
    const how = { lane: returningLane(channel.channel), file: `${arrival.number}`, actor, reason: 'ferry', now: now() };
    if (receipt !== undefined) await keepReturn(tx, receipt, how);
    const final = answer.outcome === 'answered' || answer.outcome === 'refused';
    const unsent = answer.outcome === 'not-sent' || answer.outcome === 'contract-fault';
    await moveArrival(tx, arrival, final ? 'ANSWERED' : unsent ? 'ACCEPTED' : 'SENT');
  });
  return answer;
}

/** A folder as inner side: one file per batch with its `.ok`; receipts lie in another folder, named like the file. */
function folderInner({ folder, receiptFolder }: ToFolder): Inner {
  const look = async (batch: OutgoingBatch): Promise<QueryAnswer> => {
    const name = `${batch.batchId}.json`;
    const answer = answerOf(await receiptsIn(receiptFolder, batch.batchId), batch);
    if (answer !== undefined) return answer;
    const there = await compareLocal(folder, name, batch.bodyDigest);
    const reason = `${name} 已有别的内容 (a file of this name has other content)`;
    if (there === 'other') return { outcome: 'conflict', reason, evidence: {} };
    // Taken away by whoever works on it, once it had been put there.
    if (there === 'absent' && batch.acknowledged !== true) return { outcome: 'absent', evidence: {} };
    return { outcome: 'received', receiptId: `ferry:${batch.batchId}`, evidence: {} };
  };
  return {
    query: look,
    send: async (batch) => {
      try {
        return await put(folder, batch, look);
      } catch (error) {
        const reason = `写不进 ${folder}（${codeOf(error)}） (cannot write there)`;
        return { outcome: 'not-sent', reason, page: true, evidence: {} };
      }
    },
    close: async () => {},
  };
}

async function put(
  folder: string,
  batch: OutgoingBatch,
  look: (batch: OutgoingBatch) => Promise<QueryAnswer>,
): Promise<Answer> {
  const slot = batch.anchor === undefined ? {} : { checkpoint: batch.anchor };
  const ok = Buffer.from(JSON.stringify({ sha256: batch.bodyDigest, count: batch.idemKeys.length, ...slot }));
  await writeWhole(folder, `${batch.batchId}.json`, batch.body);
  const found = await look({ ...batch, acknowledged: true });
  if (found.outcome === 'absent') throw new Error('not there after it was written');
  if (found.outcome !== 'conflict') await writeWhole(folder, `${batch.batchId}.json.ok`, ok);
  return found;
}

async function receiptsIn(folder: string | undefined, batchId: string): Promise<readonly ReceiptFile[]> {
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter(
    (name) => name.startsWith(batchId) && /\.(?:json|xml|csv|xlsx)$/i.test(name),
  );
  const receipts: ReceiptFile[] = [];
  for (const name of names.toSorted()) {
    try {
      receipts.push(...(await readReceiptFiles(name, await readFile(join(folder, name)))));
    } catch (error) {
      if (!(error instanceof FileDamage)) throw error;
    }
  }
  return receipts;
}
