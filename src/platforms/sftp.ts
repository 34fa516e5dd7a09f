import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { baseName, DEFAULT_NAME, packageName } from '../delivery/package-name.ts';
import { HubError } from '../errors.ts';
import type { Answer, HeldRecord, OutgoingBatch, Platform, QueryAnswer, ReceiptHead } from '../platform.ts';
import type { HoldingsSpec, SftpPlatformSpec } from '../platform-spec.ts';
import { withAnchored } from './anchored.ts';
import { holdingsIn, MAX_HOLDINGS_BYTES, newestList, noList } from './holdings-file.ts';
import type { OpenOptions } from './open.ts';
import { answerOf } from './receipt-verdicts.ts';
import { connectSftp, type SftpConnection, type SftpLogin, type SftpServer } from './sftp-connection.ts';
import { announce, asTrouble, compare, conflict, deposit, doubt, notSent, type Place } from './sftp-deposit.ts';
import { type SftpFiles, sftpFiles } from './sftp-files.ts';
import { receiptsOf, strayReceipts } from './sftp-receipts.ts';
import { SftpTrouble } from './sftp-trouble.ts';

/** A platform that takes packages by SFTP: docs/platform-sftp.md. */
export async function openSftp(spec: SftpPlatformSpec, { name, allowed }: OpenOptions): Promise<Platform> {
  const { hostname, port } = new URL(spec.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const hostKeys = [spec.hostKey].flat();
  const server = { host, port: Number(port || 22), login: await loginOf(name, spec), hostKeys, allowed };
  const visit: Visit = (signal, work) => visitServer(server, spec.timeout ?? 20, signal, work);
  const at = (batch: OutgoingBatch) => ({ spec, batch, place: placeOf(name, spec, batch) });
  return {
    send: (batch, signal) => send(visit, at(batch), signal),
    query: (batch, signal) => query(visit, at(batch), signal),
    ...(spec.receiptFolder === undefined
      ? {}
      : { strayReceipts: (signal: AbortSignal) => strayReceipts(spec, (work) => visit(signal, work)) }),
    ...(spec.holdings === undefined ? {} : { holdings: holdingsAt(spec.holdings, visit) }),
    close: async () => {},
  };
}

const holdingsAt = (holdings: HoldingsSpec, visit: Visit) =>
  async function* (signal: AbortSignal): AsyncGenerator<HeldRecord> {
    const { name, bytes } = await visit(signal, async (files) => {
      const newest = newestList(
        (await files.list(holdings.folder)).map((file) => file.name),
        holdings,
      );
      const path = newest === undefined ? undefined : posix.join(holdings.folder, newest);
      return { name: newest, bytes: path === undefined ? undefined : await files.read(path, MAX_HOLDINGS_BYTES) };
    }).catch(asUnreadable);
    if (name === undefined || bytes === undefined) throw noList(holdings.folder);
    yield* holdingsIn(name, bytes);
  };

/** Network trouble passes; nothing was compared. */
function asUnreadable(error: unknown): never {
  const { message } = asTrouble(error);
  throw new HubError('PLATFORM_UNREADABLE', message, { remedy: 'retry', fix: '稍后再试 (try again later)' });
}

async function loginOf(platform: string, { login }: SftpPlatformSpec): Promise<SftpLogin> {
  if ('password' in login) return login;
  const { user, keyFile, passphrase } = login;
  try {
    return { user, key: await readFile(keyFile), ...(passphrase === undefined ? {} : { passphrase }) };
  } catch (cause) {
    throw new HubError('PLATFORM_WRONG', `平台 ${platform} 的密钥文件读不到 ${keyFile} (cannot read the key file)`, {
      remedy: 'give-up',
      fix: '请检查 platform.login.keyFile 的路径与读取权限 (check its path, and that the hub may read it)',
      cause,
    });
  }
}

function placeOf(platform: string, spec: SftpPlatformSpec, { period, seq, batchId }: OutgoingBatch): Place {
  const name = packageName(spec.fileName ?? DEFAULT_NAME, { platform, period, seq, batchId });
  const final = posix.join(spec.folder, name);
  const slot = spec.anchor === undefined ? {} : { slot: spec.anchor.ok };
  const ok = `${final}.ok`;
  const suffix = spec.temporarySuffix ?? '.part';
  return { name, final, part: final + suffix, ok, okPart: ok + suffix, ...slot };
}

export type Visit = <T>(signal: AbortSignal, work: (files: SftpFiles) => Promise<T>) => Promise<T>;

/** One connection with one total deadline; whatever happens it is closed. */
async function visitServer<T>(
  server: SftpServer,
  timeoutS: number,
  signal: AbortSignal,
  work: (files: SftpFiles) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const connection: SftpConnection = await connectSftp(
    server,
    AbortSignal.any([signal, AbortSignal.timeout(timeoutS * 1000)]),
  );
  try {
    return await work(sftpFiles(connection));
  } finally {
    connection.close();
  }
}

interface Errand {
  readonly spec: SftpPlatformSpec;
  readonly batch: OutgoingBatch;
  readonly place: Place;
}

/** Looks first: what is there already is never written again. */
async function send(visit: Visit, errand: Errand, signal: AbortSignal): Promise<Answer> {
  try {
    return await visit(signal, async (files) => {
      const found = await look(files, errand);
      if (found !== 'nowhere' && found !== 'part') return found;
      const deposited = await deposit(files, errand.place, errand.batch);
      return deposited.outcome === 'deposited' ? withAnchored(handedOver(errand), deposited.anchor) : deposited;
    });
  } catch (error) {
    // Deposit and look answer for themselves: what still comes out of a visit came before the first byte of the package.
    return notSent(asTrouble(error));
  }
}

async function query(visit: Visit, errand: Errand, signal: AbortSignal): Promise<QueryAnswer> {
  try {
    return await visit(signal, async (files) => {
      const found = await look(files, errand);
      if (found === 'part') {
        await files.remove(errand.place.part);
        return { outcome: 'absent', evidence: {} };
      }
      return found === 'nowhere' ? gone(errand) : found;
    });
  } catch (error) {
    return doubt(asTrouble(error));
  }
}

type Found = 'nowhere' | 'part' | Exclude<QueryAnswer, { readonly outcome: 'absent' }>;

/** Content first, so that no receipt speaks for other bytes; then receipts; a renamed file without its `.ok` gets it now. */
async function look(files: SftpFiles, errand: Errand): Promise<Found> {
  const { spec, batch, place } = errand;
  const there = await compare(files, place.final, batch);
  const archived = there === 'absent' ? await inArchive(files, errand) : 'absent';
  if (there === 'other' || archived === 'other') return conflict(place);
  const receipts = await receiptsOf(files, spec, baseName(place.name));
  const answer = answerOf(receipts, batch, spec.receipt);
  if (answer !== undefined) return answer;
  if (there === 'same') {
    const announced = await announce(files, place, batch);
    return announced.outcome === 'deposited'
      ? withAnchored(handedOver(errand), announced.anchor)
      : doubt(new SftpTrouble('failed', reasonOf(announced)));
  }
  if (archived === 'same') return handedOver(errand);
  return (await files.size(place.part)) === undefined ? 'nowhere' : 'part';
}

const reasonOf = (answer: object): string => ('reason' in answer ? String(answer.reason) : '');

const inArchive = async (files: SftpFiles, { spec, place, batch }: Errand) =>
  spec.archiveFolder === undefined ? 'absent' : compare(files, posix.join(spec.archiveFolder, place.name), batch);

/** Not there is not the same as never delivered: the receiver may have taken it. */
function gone(errand: Errand): QueryAnswer {
  if (errand.batch.acknowledged === true) return handedOver(errand);
  if (errand.spec.receiverDedups === true) return { outcome: 'absent', evidence: {} };
  const reason = `${errand.place.name} 不在目录、存档和回执中，可能已被对方取走；请向平台核实 (not in the folder, the archive or the receipts: the receiver may have taken it, ask the platform)`;
  return { outcome: 'unknown', reason, evidence: {} };
}

/** The transport's own acknowledgement, the same bytes every time. A platform without receipts can say no more than that. */
function handedOver({ spec, batch, place }: Errand): Extract<QueryAnswer, ReceiptHead> {
  const said = { file: place.name, size: batch.body.length, sha256: batch.bodyDigest, count: batch.idemKeys.length };
  const receipt = { receiptId: `sftp:${place.name}`, evidence: { bytes: Buffer.from(JSON.stringify(said)) } };
  if (spec.receiptFolder !== undefined || spec.doneWhen !== 'handed-over') return { outcome: 'received', ...receipt };
  const verdicts = batch.idemKeys.map((idemKey) => ({ idemKey, outcome: 'accepted' as const, code: 'HANDED_OVER' }));
  return { outcome: 'answered', verdicts, ...receipt };
}
