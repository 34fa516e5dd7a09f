import { isNameless } from '../accounts/requests.ts';
import { breakGlassUses } from '../store/alarm-signs.ts';
import { listRequests, type RequestRow } from '../store/requests.ts';
import { firstAccountAt } from '../store/users.ts';
import { type Check, DAY, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/** What people decide: requests that wait for a second person, and commands that nobody's account stands for. */
export const accountCheck: Check = {
  name: 'accounts',
  kinds: ['approval', 'break-glass'],
  everyMs: 5 * MINUTE,
  look: async ({ hub }) => {
    const now = hub.now();
    const open = (await listRequests(hub.db, { states: ['open'] })).filter(
      ({ expiresAt }) => expiresAt > now.toISOString(),
    );
    // Where nobody has an account everybody works so, and so does who makes the first one.
    const first = await firstAccountAt(hub.db);
    const since = new Date(Math.max(Date.parse(first ?? ''), now.getTime() - DAY));
    const uses = first === undefined ? [] : await breakGlassUses(hub.db, since);
    const days = Map.groupBy(uses, ({ at }) => hub.localDate(new Date(at)));
    return [...open.map(waits), ...[...days].map(([day, ofDay]) => used(day, ofDay))];
  },
};

const waits = (request: RequestRow): Finding => {
  const nameless = isNameless(request);
  return {
    subject: `approval:${request.id}`,
    kind: 'approval',
    level: 'warning',
    quietEnd: true,
    zh: `申请 ${request.id}（${KINDS[request.kind]?.[0] ?? request.kind}）等待审批，至 ${request.expiresAt.slice(0, 10)} 失效`,
    en: `request ${request.id} (${KINDS[request.kind]?.[1] ?? request.kind}) waits for a second person until ${request.expiresAt.slice(0, 10)}`,
    fixZh: nameless ? '提出者登录后认领，再由另一位审批员审批' : '由另一位审批员审批',
    fixEn: nameless
      ? 'who asks logs in and claims it, then another person decides'
      : 'another person, an approver, decides',
    command: nameless
      ? `hub approve claim ${request.id} --reason 原因`
      : `hub approve show ${request.id}; hub approve ${request.id} --reason 原因`,
    since: request.askedAt,
  };
};

const KINDS: { readonly [kind: string]: readonly [zh: string, en: string] } = {
  configuration: ['配置有变，仍按原批准的运行', 'the set-up changed; the approved copy runs'],
  resync: ['手工重报', 'resync by hand'],
  'source.shrink': ['来源减少', 'a source that shrank'],
};

const used = (day: string, uses: readonly { readonly actor: string; readonly at: string }[]): Finding => ({
  subject: `break-glass:${day}`,
  kind: 'break-glass',
  level: 'warning',
  quietEnd: true,
  zh: `${day} 有 ${uses.length} 次未登录的应急操作：${whoseOf(uses)}`,
  en: `${uses.length} changes on ${day} were made without a log-in (break-glass)`,
  fixZh: '在日志中核对是谁做的、为什么；今后先 hub login 并设 HUB_USER',
  fixEn: 'find out in the log who did it and why; from now on log in and set HUB_USER',
  command: 'hub log',
  since: uses.map(({ at }) => at).toSorted()[0] ?? day,
});

const whoseOf = (uses: readonly { readonly actor: string }[]): string =>
  [...new Set(uses.map(({ actor }) => actor))].toSorted().slice(0, 5).join('、');
