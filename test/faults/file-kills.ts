import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSftpServer } from '../support/sftp-server.ts';
import { bureauFiles, type Load } from './bureau.ts';
import { openRig, type RigOptions, TOKEN } from './rig.ts';
import { type Finding, settle } from './settle.ts';

const receiver = fileURLToPath(new URL('file_receiver.py', import.meta.url));
const LOAD: Load = { records: 160, poison: 1, withdrawals: 10, revised: 60 };
const MINUTES = 20 * 60_000;

/**
 * S9: killed while a package is handed over by SFTP, at each pass before and after its renaming; a receiver that fetches only what
 * has its `.ok` must get every package once, and never half of one.
 */
export async function fileKills(point: string, options: RigOptions, runs: number): Promise<Finding> {
  const files = mkdtempSync(join(tmpdir(), 'hub-faults-sftp-'));
  for (const name of ['in', 'archive', 'receipts']) mkdirSync(join(files, name));
  const server = await openSftpServer(files, TOKEN);
  const receive = (folder: string, now: number): void =>
    void execFileSync('python3', [receiver, files, folder, String(now)]);
  const rig = await openRig({ ...options, platform: overSftp(server), receive });
  let kills = 0;
  try {
    for (const [index, rows] of bureauFiles(LOAD).entries()) {
      rig.drop(index, rows);
      for (let pass = 1; pass <= runs; pass += 1) {
        if ((await rig.run({ failpoint: `${point}:${pass}` })).whole) break;
        kills += 1;
        rig.pass(MINUTES);
      }
    }
    return await settle(rig, { kills: { S9: kills } });
  } finally {
    await rig.close();
    await server.close();
    rmSync(files, { recursive: true, force: true });
  }
}

const overSftp = ({ port, hostKey }: { readonly port: number; readonly hostKey: string }): string => `  use: sftp
  url: sftp://127.0.0.1:${port}
  login: { user: hub, password: "\${FAULTS_TOKEN}" }
  hostKey: "${hostKey}"
  folder: /in
  archiveFolder: /archive
  receiptFolder: /receipts
  receiverDedups: true
  data: json
  batchSize: 50
  timeout: 10
  answerWithin: 48h`;
