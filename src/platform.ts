import type { Operation } from './record.ts';

/**
 * The contract for delivering to a platform. `send` and `query` never throw for anything the network or
 * the platform does: what was observed becomes an Answer, classified by what was *sent*
 * (delivery.md §1.4, definite versus unknown). They throw only on a bug or when `signal` was aborted
 * before a byte left.
 */
export interface Platform {
  /**
   * People or a medium carry the batch: `unknown` from `send` and `query` means that it lies ready and nobody has confirmed it yet.
   * That is waiting, not failing: it neither stops a run nor counts against the platform.
   */
  readonly carried?: true;
  send(batch: OutgoingBatch, signal: AbortSignal): Promise<Answer>;
  /** What became of a batch; asked after an unknown outcome and to fetch asynchronous receipts. */
  query(batch: OutgoingBatch, signal: AbortSignal): Promise<QueryAnswer>;
  /** Receipts nobody asked for (a folder, a table, a call-back), oldest first; the hub sorts out orphans, repeats and contradictions. */
  strayReceipts?(signal: AbortSignal): AsyncIterable<StrayReceipt>;
  /**
   * 信用修复 notices that the platform has for us, oldest first; each withdraws its record from every platform. Throws
   * HubError PLATFORM_UNREADABLE where the list itself cannot be read; what was given before it stays taken.
   */
  notices?(signal: AbortSignal): AsyncIterable<RepairNotice | UnreadableNotice>;
  /**
   * Everything that the platform says it holds, streaming and in any order; absent where the far end cannot tell. Throws HubError
   * PLATFORM_UNREADABLE (`retry` for network trouble) rather than end early: half a list would look like loss.
   */
  holdings?(signal: AbortSignal): AsyncIterable<HeldRecord>;
  close(): Promise<void>;
}

/** One record as the platform holds it, named by record key and version, or by the row id that we sent it under. */
export type HeldRecord = {
  /** `WITHDRAW`: kept, but taken from view. A platform may leave such records out. */
  readonly operation: Operation;
  /** Lower-case hex SHA-256 of the canonical data it holds; absent where it keeps none (an Excel receipt). */
  readonly payloadHash?: string;
} & ({ readonly recordKey: string; readonly version: number } | { readonly idemKey: string });

/** A sealed batch, word for word as the outbox holds it. */
export interface OutgoingBatch {
  readonly batchId: string;
  /** Running number of the batch in this hub, from 1; never given twice. */
  readonly seq: number;
  /** The period that it was sealed for, such as `2026-W48` or `2026-11`; null outside of one (urgent, by hand). The same for every resend. */
  readonly period: string | null;
  /** Epoch of the lease under which it is sent now; grows with every new holder. */
  readonly epoch: number;
  /** The exact body bytes. */
  readonly body: Uint8Array;
  /** Hex SHA-256 of `body`. */
  readonly bodyDigest: string;
  readonly contentType: string;
  /** idem keys in row order: verdicts must name exactly these. */
  readonly idemKeys: readonly string[];
  /** The log's newest checkpoint as one line, for the slot that the platform's job names; outside body, digest and batch id (delivery.md T23). */
  readonly anchor?: string;
  /** True once the platform gave any receipt for it: where a receiver takes files away, absence then means taken. */
  readonly acknowledged?: boolean;
}

/** What the platform said of one member. */
export type Verdict =
  | { readonly idemKey: string; readonly outcome: 'accepted'; readonly platformId?: string; readonly code?: string }
  | { readonly idemKey: string; readonly outcome: 'rejected'; readonly code: string; readonly reason: string };

/** Bytes and status as observed, kept in the attempt row; at most 1 MiB of the answer. */
export interface Evidence {
  readonly status?: number;
  readonly bytes?: Uint8Array;
}

export interface ReceiptHead {
  readonly receiptId: string;
  /** The checkpoint that the far end has with this batch, where its slot took one: `OutgoingBatch.anchor` of that time. */
  readonly anchored?: string;
  readonly evidence: Evidence;
}

export type Answer =
  /** Every member has its verdict. */
  | ({ readonly outcome: 'answered'; readonly verdicts: readonly Verdict[] } & ReceiptHead)
  /** Taken; verdicts follow by query. */
  | ({ readonly outcome: 'received' } & ReceiptHead)
  /** Taken, and some members (not all) have their verdict: the receipt's count is not ours, the others are asked for. */
  | ({ readonly outcome: 'partial'; readonly reason: string; readonly verdicts: readonly Verdict[] } & ReceiptHead)
  /**
   * Definite: the whole batch was refused atomically (400, 413, 422) and nothing of it is kept. `rejected`: the records that the
   * platform blames; the others are sent again without them. Without it the batch is halved.
   */
  | {
      readonly outcome: 'refused';
      readonly reason: string;
      readonly rejected?: readonly Extract<Verdict, { readonly outcome: 'rejected' }>[];
      readonly evidence: Evidence;
    }
  /** Definite: nothing was sent, or the platform's contract says it was not processed. `page`: certificate or login trouble, do not hammer. */
  | {
      readonly outcome: 'not-sent';
      readonly reason: string;
      readonly page: boolean;
      readonly retryAfterS?: number;
      readonly evidence: Evidence;
    }
  /** 404, 405, 409, 415 and the like: the contract does not fit; hold the batch for a person. */
  | { readonly outcome: 'contract-fault'; readonly reason: string; readonly evidence: Evidence }
  /** Key reused with another payload, or found with another digest. */
  | { readonly outcome: 'conflict'; readonly reason: string; readonly evidence: Evidence }
  /** Bytes left and no answer that can be trusted came back; ask before resending. */
  | {
      readonly outcome: 'unknown';
      readonly reason: string;
      readonly retryAfterS?: number;
      readonly evidence: Evidence;
    };

export type QueryAnswer =
  /** `refused` too: a receipt of level 2 may say later that the whole package was not taken. */
  | Extract<Answer, { outcome: 'answered' | 'received' | 'partial' | 'refused' | 'conflict' | 'unknown' }>
  | { readonly outcome: 'absent'; readonly evidence: Evidence };

/** A receipt that came by itself; it may be about anything, so everything in it is only a claim. */
export interface StrayReceipt {
  readonly receiptId: string;
  /** The batch that it names, if it names one. */
  readonly batchId: string | undefined;
  /** Hex SHA-256 of the body that the platform says it holds, where it says so. */
  readonly bodyDigest?: string;
  /** Records that the platform says it counted, where it says so. */
  readonly count?: number;
  /** 1 transport ack, 2 package check, 3 results per record (domain.md §5). */
  readonly level: 1 | 2 | 3;
  readonly verdicts: readonly Verdict[];
  readonly evidence: Evidence;
  /** Called once the hub has kept it: move the file away, mark the row. */
  taken(): Promise<void>;
}

/** 信用修复: publicity of a record ended by decision. Names the record by whatever the platform knows of it. */
export interface RepairNotice {
  /** The platform's own number of the notice; the same notice twice is one. */
  readonly noticeId: string;
  /** 64 hex digits. */
  readonly recordKey?: string;
  readonly idemKey?: string;
  /** Licence or decision number, together with `creditCode` or `name`. */
  readonly number?: string;
  readonly creditCode?: string;
  readonly name?: string;
  /** `YYYY-MM-DD` */
  readonly decidedOn: string;
  readonly reason: string;
  /** Called once the hub has kept it. */
  taken(): Promise<void>;
}

/** A notice of which nobody can say what it means: kept as it came, for a person. */
export interface UnreadableNotice {
  /** Made from its content. */
  readonly noticeId: string;
  /** The number that the platform gave it, where that much is clear. */
  readonly platformId: string | undefined;
  /** What is wrong with it, without its values. */
  readonly wrong: string;
  /** Word for word. */
  readonly text: string;
  /** Called once the hub has kept it. */
  taken(): Promise<void>;
}
