import { writeFileSync } from 'node:fs';
import { noteAnchor } from '../evidence/anchor.ts';
import { unsignedMs, waitingMs } from '../evidence/log-gate.ts';
import { rootOf } from '../evidence/merkle.ts';
import { newestAnchor, newestCheckpoint, readSignerStatus } from '../store/checkpoints.ts';
import type { Db } from '../store/database.ts';
import { readHead } from '../store/log-tree.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { noteRead } from './note-read.ts';
import { withDatabase } from './open.ts';
import { complain, print, printJson } from './print.ts';

/** `hub log head`: how far the log has come, what of it is signed, and how long ago a head left the hub. */
export const logHead: Define = (log, act) => {
  log
    .command('head')
    .description('日志头：条数、树根、签名、可篡改窗口 (size, root, signature, tamper window)')
    .option(
      '--save <file>',
      '把最新检查点存为文件，供日后 hub log verify --against (keep the newest checkpoint as a file)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (options: { save?: string; json?: boolean }, command: { optsWithGlobals(): { json?: boolean } }) =>
        withDatabase(async ({ db, env }) => {
          const json = command.optsWithGlobals().json ?? options.json;
          await noteRead(db, env, { detail: { what: 'log head' } });
          if (options.save !== undefined && !(await save(db, options.save, actor(env)))) return 1;
          const head = await describeHead(db, new Date());
          if (json) printJson(head);
          else tell(head);
          return head.state === 'good' ? 0 : 1;
        }),
      ),
    );
};

async function save(db: Db, file: string, who: string): Promise<boolean> {
  const checkpoint = await newestCheckpoint(db);
  if (checkpoint === undefined) {
    complain('还没有检查点：签名进程尚未签过 (there is no checkpoint yet: see hub signer)');
    return false;
  }
  writeFileSync(file, checkpoint.note, { mode: 0o600 });
  await noteAnchor(db, checkpoint, { kind: 'auditor', place: who, now: new Date() });
  return true;
}

type Head = Awaited<ReturnType<typeof describeHead>>;

/** Ages in seconds. `tamperWindow` is the age of the newest head that is kept outside the hub; null where there is none. */
async function describeHead(db: Db, now: Date) {
  const [head, checkpoint, anchor] = [await readHead(db), await newestCheckpoint(db), await newestAnchor(db)];
  const signer = await readSignerStatus(db);
  const age = (at: string | undefined) => (at === undefined ? null : seconds(now.getTime() - Date.parse(at)));
  const signed = checkpoint?.logNo === head.logNo ? checkpoint : undefined;
  return {
    state: signer?.state === 'refusing' ? 'refused' : signed === undefined && head.size > 0 ? 'unsigned' : 'good',
    log: head.logNo,
    origin: checkpoint?.origin ?? null,
    size: head.size,
    root: rootOf({ size: head.size, hashes: head.frontier }).toString('base64'),
    minimumIndex: head.minimumIndex,
    waitingSeconds: seconds(await waitingMs(db, now)),
    unsignedSeconds: seconds(await unsignedMs(db, now)),
    checkpoint:
      signed === undefined
        ? null
        : {
            size: signed.size,
            root: signed.root.toString('base64'),
            signedAt: signed.signedAt,
            ageSeconds: age(signed.signedAt),
          },
    signer: signer ?? null,
    anchor: anchor === undefined ? null : { at: anchor.at, kind: anchor.kind, place: anchor.place, size: anchor.size },
    tamperWindowSeconds: age(anchor?.at),
  } as const;
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));

function tell(head: Head): void {
  print(`报送日志 log ${head.log} · ${head.origin ?? '未签名 not signed yet'}`);
  print(
    `条数 size        ${head.size}${head.minimumIndex > 0 ? `（${head.minimumIndex} 之前已归档 pruned below）` : ''}`,
  );
  print(`树根 root        ${head.root}`);
  const { checkpoint, anchor, signer } = head;
  print(
    checkpoint === null
      ? '检查点 checkpoint 无 none'
      : `检查点 checkpoint ${checkpoint.size} 条，${span(checkpoint.ageSeconds)}前 (${checkpoint.signedAt})`,
  );
  if (head.unsignedSeconds > 120)
    complain(`有条目已等待签名 ${span(head.unsignedSeconds)} (entries wait for a signature)`);
  if (signer?.state === 'refusing') complain(`签名进程拒绝签名 (the signer refuses): ${signer.reason}`);
  print(
    anchor === null
      ? '可篡改窗口 tamper window：从未锚定 never anchored outside'
      : `可篡改窗口 tamper window ${span(head.tamperWindowSeconds)}（${anchor.kind} ${anchor.place}，${anchor.size} 条）`,
  );
}

function span(whole: number | null): string {
  if (whole === null) return '—';
  if (whole < 120) return `${whole} 秒 s`;
  if (whole < 7200) return `${Math.round(whole / 60)} 分 min`;
  return whole < 172_800 ? `${Math.round(whole / 3600)} 小时 h` : `${Math.round(whole / 86_400)} 天 d`;
}
