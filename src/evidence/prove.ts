import { HubError } from '../errors.ts';
import { type CheckpointRow, newestCheckpoint } from '../store/checkpoints.ts';
import type { Reader } from '../store/database.ts';
import { type Delivered, readMemberStates } from '../store/log-replay.ts';
import { readEntries } from '../store/log-tree.ts';
import { appendAll, EMPTY_RANGE, leafHash, rootOf, type Subtree } from './merkle.ts';
import { inclusionProof, verifyInclusion } from './proof.ts';
import { storedTree } from './tree.ts';

/** An entry with its inclusion proof under a signed checkpoint. */
export interface ProvenEntry {
  readonly logNo: number;
  readonly index: number;
  /** Exact bytes, as text. */
  readonly entry: string;
  readonly proof: readonly Buffer[];
  readonly checkpoint: CheckpointRow;
}

/** Proves one entry against the newest checkpoint of its log. Throws PROOF_UNKNOWN, PROOF_UNSIGNED or LOG_BROKEN. */
export async function proveEntry(db: Reader, logNo: number, index: number): Promise<ProvenEntry> {
  const [placed] = await readEntries(db, logNo, index, 1);
  if (placed?.index !== index) throw unknown(`${logNo}/${index}`);
  const checkpoint = await newestCheckpoint(db, logNo);
  if (checkpoint === undefined || checkpoint.size <= index) throw unsigned(index);
  const tree = storedTree(db, logNo, checkpoint.size);
  const proof = await inclusionProof(index, checkpoint.size, tree);
  if (!verifyInclusion(leafHash(placed.entry), index, proof, checkpoint)) throw broken(index);
  return { logNo, index, entry: placed.entry.toString('utf8'), proof, checkpoint };
}

/** C2SP tlog-proof; `extra` is the entry itself (docs/evidence-format.md §6). */
export function proofFile({ entry, index, proof, checkpoint }: ProvenEntry): string {
  const lines = proof.map((hash) => `${hash.toString('base64')}\n`).join('');
  const extra = Buffer.from(entry).toString('base64');
  return `c2sp.org/tlog-proof@v1\nextra ${extra}\nindex ${index}\n${lines}\n${checkpoint.note}`;
}

/** The place of one record in what was sealed, with its proof under the batch's manifest root. */
export interface ProvenMember {
  readonly platform: string;
  readonly version: number;
  readonly batchId: string;
  /** From 1. */
  readonly row: number;
  readonly members: number;
  /** Hex. */
  readonly payloadDigest: string;
  readonly manifestRoot: string;
  readonly manifestProof: readonly string[];
}

export async function proveMember(db: Reader, delivered: Delivered): Promise<ProvenMember> {
  const members = await readMemberStates(db, delivered.batchSeq);
  const at = members.findIndex(({ idemKey }) => idemKey === delivered.idemKey);
  const leaves = members.map(({ payloadDigest }) => leafHash(payloadDigest));
  const nodes = new Map(leaves.map((leaf, index) => [`0/${index}`, leaf]));
  const range = appendAll(EMPTY_RANGE, leaves, (level, index, hash) => void nodes.set(`${level}/${index}`, hash));
  const hashOf = async ({ level, index }: Subtree): Promise<Buffer> =>
    nodes.get(`${level}/${index}`) ?? Buffer.alloc(0);
  const proof = await inclusionProof(at, leaves.length, hashOf);
  return {
    platform: delivered.platform,
    version: delivered.version,
    batchId: delivered.batchId,
    row: at + 1,
    members: members.length,
    payloadDigest: members[at]?.payloadDigest.toString('hex') ?? '',
    manifestRoot: rootOf(range).toString('hex'),
    manifestProof: proof.map((hash) => hash.toString('hex')),
  };
}

const unknown = (what: string): HubError =>
  new HubError('PROOF_UNKNOWN', `日志中没有 ${what} (the log has no ${what})`, {
    remedy: 'give-up',
    fix: '用 hub log 或 hub ledger 查找 (look for it with hub log or hub ledger)',
  });

const unsigned = (index: number): HubError =>
  new HubError('PROOF_UNSIGNED', `第 ${index} 条尚未被检查点覆盖 (no checkpoint covers entry ${index} yet)`, {
    remedy: 'retry',
    fix: '签名进程每分钟签一次，稍后再试；若一直如此，查看 hub log head (the signer signs every minute; else see hub log head)',
  });

const broken = (index: number): HubError =>
  new HubError('LOG_BROKEN', `第 ${index} 条的证明不成立 (the proof of entry ${index} does not hold)`, {
    remedy: 'give-up',
    fix: '运行 hub log verify 查明哪里被改 (hub log verify names what was changed)',
  });
