import type { PackScope } from './pack-scope.ts';

interface PackFacts {
  readonly scope: PackScope;
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

/** README.txt of a pack: what it is and how an auditor starts. */
export function packReadme({ scope, origin, size, root }: PackFacts): string {
  const about = [scope.kind, scope.value, scope.platform].filter(Boolean).join(' ');
  return `报送证据包 · evidence pack
范围 scope: ${about}
日志 log:   ${origin}
条目 size:  ${size}
根 root:    ${root}

中文
----
1. 公钥不在本包内。请使用交接时纸面上的公钥（以“${origin}+”开头的一行，即 vkey）。
2. 任选其一核验；两个程序按同一份格式说明分别写成，结果必须一致：
     node verify.mjs . --key "<vkey>"        （Node 18 及以上，无需安装任何东西）
     python3 verify.py . --key "<vkey>"      （Python 3.8 及以上，仅标准库）
   也可直接核验 zip：把“.”换成 zip 文件名（先从包中取出核验程序）。
3. 核验通过后，程序会在当前目录保存最新的日志头（.head 文件）。请妥善保存：以后的每个证据包都必须是它的延续。
   他人保存的日志头可用 --head 文件 一并核对。历史证据包请加 --now，例如 --now 2026-11-28T09:00:00+08:00。
4. 退出码：0 可信；10 签名或公钥不符；11 分叉；12 缺失；13 过期（超过 8 天）；14 非法状态；15 内容不符；2 用法不对。
   每一处问题都会指出文件或条目序号。
5. ledger.pdf、ledger.xlsx 供人阅读；证明力来自 batches/ 下的原始字节与 tile/ 下的哈希。自然人姓名在打印件中隐去。
6. 本包只含部分条目时（manifest.json 中 complete 为 false），它能证明所列条目确在日志中，不能证明没有其他条目。

English
-------
1. The public key is not in this pack. Take it from the paper that was handed over (the line that begins with
   "${origin}+", the vkey).
2. Verify with either program; both were written from the same format page and must agree:
     node verify.mjs . --key "<vkey>"        (Node 18 or newer, nothing to install)
     python3 verify.py . --key "<vkey>"      (Python 3.8 or newer, standard library only)
   A zip verifies as it is: name it instead of "." (take the verifier out of it first).
3. After a good verification the newest head of the log is kept in the working folder (.head). Keep it: every later pack
   must extend it. Heads that others kept are compared with --head FILE. For an old pack add --now, for example
   --now 2026-11-28T09:00:00+08:00.
4. Exit codes: 0 good; 10 bad signature or unknown key; 11 fork; 12 gap; 13 stale (older than 8 days); 14 illegal transition;
   15 wrong content; 2 usage. Every finding names its file or index.
5. ledger.pdf and ledger.xlsx are for reading; the proof is in the exact bytes under batches/ and the hashes under tile/.
   Names of natural persons are masked in print.
6. Where the pack holds a part of the log (complete is false in manifest.json), it proves that these entries are in the log,
   not that there are no others.
`;
}
