import { existsSync, readFileSync } from 'node:fs';
import { type NoteKey, readVkey } from '../evidence/note.ts';
import { type Verified, verifyLog } from '../evidence/verify-log.ts';
import { keepFewPages } from '../store/database.ts';
import type { Define } from './command.ts';
import { noteRead } from './note-read.ts';
import { withDatabase } from './open.ts';
import { complain, notThere, plain, print, printJson, wrongUsage } from './print.ts';

interface Options {
  readonly vkey?: readonly string[];
  readonly against?: string;
  readonly json?: boolean;
}

/** `hub log verify`: everything recomputed from the entries. Exit codes of docs/evidence-format.md §9. */
export const logVerify: Define = (log, act) => {
  log
    .command('verify')
    .description(
      '全量重算并核对日志 (recompute the whole log; exit 10 signature, 11 fork, 12 gap, 13 stale, 14 states, 15 content)',
    )
    .option('--vkey <key...>', '交接时拿到的公钥 (the public key that was handed over on paper)')
    .option('--against <file>', '与留存的检查点核对 (demand that the log continues this saved head)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (options: Options, command: { optsWithGlobals(): { json?: boolean } }) =>
        withDatabase(async ({ db, env }) => {
          const [keys, against] = [(options.vkey ?? []).map(keyOf), readSaved(options.against)];
          await keepFewPages(db);
          await noteRead(db, env, { detail: { what: 'log verify' } });
          const verified = await verifyLog(db, {
            now: new Date(),
            keys,
            ...(against === undefined ? {} : { against }),
          });
          const { exitCode, size, root, findings } = verified;
          const detail = { exit: exitCode, size, root, findings: findings.length };
          await noteRead(db, env, { action: 'log.verified', detail });
          if (command.optsWithGlobals().json ?? options.json) printJson(verified);
          else tell(verified);
          return exitCode;
        }),
      ),
    );
};

function keyOf(text: string): NoteKey {
  const key = readVkey(text);
  if (key !== undefined) return key;
  const fix = '照交接单抄写 名称+8 位十六进制+Base64 (write name+8 hex digits+base64 as it was handed over)';
  throw wrongUsage(`--vkey ${text.slice(0, 80)} 不是公钥`, 'it is no public key', fix);
}

function readSaved(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw notThere(
    'FILE_MISSING',
    `没有文件 ${file}`,
    'there is no such file',
    '用 hub log head --save 留存 (save one with hub log head --save)',
  );
}

function tell({
  exitCode,
  findings,
  more,
  counts,
  size,
  signedSize,
  root,
  keysFrom,
  entriesPerSecond,
}: Verified): void {
  print(`条目 entries ${counts.entries} · 哈希块 tiles ${counts.tiles} · 检查点 checkpoints ${counts.checkpoints}`);
  print(`批次 batches ${counts.batches} · 成员 members ${counts.members} · ${entriesPerSecond} 条/秒 entries/s`);
  if (counts.undisclosed > 0)
    print(
      `未披露 undisclosed ${counts.undisclosed}：盐已销毁，内容无从核对 (their salts are gone: nothing can say what they were)`,
    );
  print(`条数 size ${size}，已签 signed ${signedSize} · 树根 root ${root}`);
  for (const { code, where, zh, en } of findings) print(`✗ [${code}] ${plain(where)}：${plain(zh)} (${plain(en)})`);
  if (more > 0) print(`… 另有 ${more} 处 (and ${more} more)`);
  if (keysFrom === 'database')
    complain(
      '公钥取自数据库本身，只能防差错；审计请加 --vkey (the key came from the database itself: give --vkey from paper)',
    );
  if (keysFrom === 'none') complain('没有公钥，签名未核对 (no key, so no signature was checked): hub signer init');
  print(exitCode === 0 ? '✓ 日志完整，前后一致 (the log is whole and consistent)' : `✗ ${exitCode}`);
}
