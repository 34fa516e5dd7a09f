import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { ledgers } from '../audit/ledger.ts';
import { ledgerTerms } from '../audit/ledger-terms.ts';
import { HubError } from '../errors.ts';
import { type ProvenEntry, type ProvenMember, proofFile, proveEntry, proveMember } from '../evidence/prove.ts';
import type { Db } from '../store/database.ts';
import { deliveriesOf, sealedAt } from '../store/log-replay.ts';
import { readHead } from '../store/log-tree.ts';
import { findBatches } from '../store/outbox.ts';
import type { Define } from './command.ts';
import { noteRead } from './note-read.ts';
import { withDatabase } from './open.ts';
import { plain, print, printJson } from './print.ts';

interface Proven extends ProvenEntry {
  readonly member?: ProvenMember;
}

/** `hub log prove`: the inclusion proof of an entry, a batch, or every delivery of a record. */
export const logProve: Define = (log, act) => {
  log
    .command('prove <what>')
    .description(
      '证明某条、某批或某记录确已入日志 (proof for an index, a batch, a record key, a licence or document number)',
    )
    .option(
      '--out <file>',
      '存为 .tlog-proof，可离线核验；记录另存其在清单中的位置 .member.json (write a .tlog-proof that verifies offline; for a record also its place, .member.json)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(
        async (
          what: string,
          options: { out?: string; json?: boolean },
          command: { optsWithGlobals(): { json?: boolean } },
        ) =>
          withDatabase(async ({ db, env }) => {
            await noteRead(db, env, { detail: { what: 'log prove', ...named(what) } });
            const proven = await prove(db, what);
            if (proven.length === 0) throw nothing(what);
            const files = options.out === undefined ? [] : writeAll(options.out, proven);
            if (command.optsWithGlobals().json ?? options.json) printJson(proven.map(asJson));
            else for (const one of proven) tell(one);
            for (const file of files) print(`→ ${file}`);
            return 0;
          }),
      ),
    );
};

/** A name or a number may be a person's: the log says only indices and batches in clear. */
const named = (what: string) => (/^(\d{1,9}|[a-z2-7]{40})$/.test(what) ? { of: what } : {});

async function prove(db: Db, what: string): Promise<Proven[]> {
  const { logNo, size } = await readHead(db);
  if (/^\d{1,15}$/.test(what) && Number(what) < size) return [await proveEntry(db, logNo, Number(what))];
  const [batch, ...others] = await findBatches(db, what.toLowerCase());
  if (batch !== undefined && others.length === 0) return sealing(db, batch.id);
  const proven: Proven[] = [];
  for await (const { id } of ledgers(db, { terms: ledgerTerms(what) })) {
    for (const delivered of await deliveriesOf(db, id)) {
      const [entry] = await sealing(db, delivered.batchId);
      if (entry !== undefined) proven.push({ ...entry, member: await proveMember(db, delivered) });
    }
  }
  return proven;
}

async function sealing(db: Db, batchId: string): Promise<ProvenEntry[]> {
  const place = await sealedAt(db, batchId);
  return place === undefined ? [] : [await proveEntry(db, place.logNo, place.index)];
}

/** One file, or as many as there are proofs, numbered by the index of their entries and the row of their records. */
function writeAll(out: string, proven: readonly Proven[]): string[] {
  const [suffix, only] = [extname(out), proven.length === 1];
  return proven.flatMap((one) => {
    const stem = out.slice(0, out.length - suffix.length);
    const name = only ? stem : `${stem}-${one.index}${one.member === undefined ? '' : `-${one.member.row}`}`;
    const file = `${name}${suffix}`;
    writeFileSync(file, proofFile(one));
    if (one.member === undefined) return [file];
    const place = `${name}.member.json`;
    writeFileSync(place, `${JSON.stringify(one.member, null, 1)}\n`);
    return [file, place];
  });
}

const asJson = ({ logNo, index, entry, proof, checkpoint, member }: Proven) => ({
  log: logNo,
  index,
  entry: JSON.parse(entry),
  proof: proof.map((hash) => hash.toString('base64')),
  checkpoint: checkpoint.note,
  ...(member === undefined ? {} : { member }),
});

function tell({ index, entry, proof, checkpoint, member }: Proven): void {
  const { t, actor, action, platform } = JSON.parse(entry) as { [name: string]: string };
  print(`#${index} ${t} ${action} ${plain(platform ?? '')} ${plain(actor ?? '')}`);
  print(`  证明 proof ${proof.length} 个哈希，检查点 checkpoint ${checkpoint.size} 条，${checkpoint.origin}`);
  if (member === undefined) return;
  print(`  批次 batch ${member.batchId} 第 ${member.row} 行，共 ${member.members} (row of ${member.members})`);
  print(`  摘要 digest ${member.payloadDigest}`);
  print(`  清单根 manifest ${member.manifestRoot}，${member.manifestProof.length} 个哈希 (hashes)`);
}

const nothing = (what: string): HubError =>
  new HubError('PROOF_UNKNOWN', `日志中找不到 ${what} (nothing in the log for ${what})`, {
    remedy: 'give-up',
    fix: '可用序号、批次号、主键、许可证号、文书号或名称；未报送过的记录没有证明 (index, batch, key, number or name; what was never sent has no proof)',
  });
