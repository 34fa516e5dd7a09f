import { readEntry } from '../evidence/entry.ts';
import { unsignedMs } from '../evidence/log-gate.ts';
import type { Hub } from '../hub-context.ts';
import { readSignerStatus } from '../store/checkpoints.ts';
import { readPending } from '../store/log-tree.ts';
import { type Check, HOUR, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/**
 * Entries of the delivery log that nobody places or signs for an hour, and a signer that refuses: pushing stops after four, or at once
 * (delivery.md S6, faults.md F49). On a Friday evening it would be too late to hear of it.
 */
export const logCheck: Check = {
  name: 'log',
  kinds: ['log'],
  everyMs: 5 * MINUTE,
  look: async ({ hub }) => {
    const signer = await readSignerStatus(hub.db);
    const unsigned = signer?.state === 'refusing' ? refused(signer) : await unsignedLong(hub, signer === undefined);
    return [await unplaced(hub), unsigned].filter((one) => one !== undefined);
  },
};

async function unplaced(hub: Hub): Promise<Finding | undefined> {
  const [oldest] = await readPending(hub.db, 1);
  const read = oldest === undefined ? undefined : readEntry(oldest.entry);
  if (read === undefined || !('entry' in read)) return undefined;
  const since = read.entry.t;
  if (hub.now().getTime() - Date.parse(since) < HOUR) return undefined;
  return {
    subject: 'log:pending',
    kind: 'log',
    level: 'urgent',
    zh: '报送日志已有一小时以上没有排入，继续下去报送会停止',
    en: 'entries of the delivery log have waited for more than an hour; pushing stops if this goes on',
    fixZh: '确认 hub serve 在运行，查看运行日志中的错误',
    fixEn: 'see that hub serve runs, and look for errors in the trace',
    command: 'hub log head',
    since,
  };
}

async function unsignedLong({ db, now }: Hub, never: boolean): Promise<Finding | undefined> {
  const age = await unsignedMs(db, now());
  if (age < HOUR) return undefined;
  return {
    subject: 'log:unsigned',
    kind: 'log',
    level: 'urgent',
    zh: '报送日志已有一小时以上无人签名，满四小时报送停止',
    en: 'nobody has signed the delivery log for more than an hour; pushing stops after four',
    fixZh: never
      ? '尚无签名进程：运行 hub signer init，再以 pm2 启动 zhengxin-signer'
      : '确认签名进程 zhengxin-signer（hub signer）在运行，查看其运行日志',
    fixEn: never
      ? 'there is no signer yet: hub signer init, then start zhengxin-signer under pm2'
      : 'see that the signer (hub signer) runs, and look at its trace',
    command: 'hub log head',
    since: new Date(now().getTime() - age).toISOString(),
  };
}

const refused = ({ seenAt, reason }: { readonly seenAt: string; readonly reason: string | null }): Finding => ({
  subject: 'log:refused',
  kind: 'log',
  level: 'urgent',
  exhausted: true,
  zh: `签名进程拒绝签名，报送已停止：${reason ?? ''}`,
  en: 'the signer refuses this database; nothing is pushed',
  fixZh: '请勿修改数据库；运行 hub log verify，按事故处理，确认后在签名主机运行 hub signer restart-log',
  fixEn: 'leave the database as it is; hub log verify, treat it as an incident, then hub signer restart-log',
  command: 'hub log verify',
  since: seenAt,
});
