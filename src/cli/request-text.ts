import { isNameless } from '../accounts/requests.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { RequestRow, RequestState } from '../store/requests.ts';
import { localTime } from './print.ts';

/** What a request asks for, by whom, why and since when, for people; every digest is in `--json`. */
export function requestLines(request: RequestRow, timezone: string): readonly string[] {
  const time = (instant: string): string => localTime(instant, timezone);
  const [zh, en] = KINDS[request.kind] ?? [request.kind, request.kind];
  const [first = '—', ...more] = (CONTENTS[request.kind] ?? plainly)(request.detail);
  return [
    `#${request.id}  ${zh} (${en})  【${STATES[request.state]}】`,
    `  内容 what   ${first}`,
    ...more.map((line) => `              ${line}`),
    `  申请人 by   ${askerOf(request)}`,
    `  理由 why    ${request.claimReason ?? request.reason}`,
    `  时间 since  ${time(request.askedAt)}；至 until ${time(request.expiresAt)}`,
    ...(request.decidedBy === null
      ? []
      : [`  决定 said   ${request.decidedBy}：${request.decisionReason ?? ''}（${time(request.decidedAt ?? '')}）`]),
  ];
}

/** Who stands for it; a request that was asked without a log-in says so. */
function askerOf(request: RequestRow): string {
  const asked = request.askedBy === 'hub' ? '本系统 (the hub)' : request.askedBy;
  if (request.claimedBy !== null) return `${request.claimedBy}（认领 claimed；提出 asked: ${asked}）`;
  return isNameless(request) ? `${asked}（未登录，待认领 to be claimed）` : asked;
}

/** What to type next. */
export function nextStep(request: RequestRow): string | undefined {
  if (request.state === 'approved')
    return '已同意，由申请人重新运行原命令；配置变更由下次运行或启动采用 (approved: who asked runs the command again)';
  if (request.state !== 'open') return undefined;
  const yes = `hub approve ${request.id} --reason "…"`;
  return isNameless(request)
    ? `hub approve claim ${request.id} --reason "…"；另一人 (then another person) ${yes}`
    : yes;
}

const STATES: { readonly [S in RequestState]: string } = {
  open: '待审批 open',
  approved: '已同意 approved',
  refused: '未同意 refused',
  used: '已同意并已生效 used',
  expired: '已过期 expired',
  superseded: '已被新的申请取代 superseded',
};

const KINDS: { readonly [kind: string]: readonly [zh: string, en: string] } = {
  configuration: ['配置变更', 'changed set-up'],
  resync: ['手工重报', 'resync by hand'],
  'source.shrink': ['来源减少', 'a source that shrank'],
  'source.import': ['人工导入', 'an import by hand'],
  'log.prune': ['裁剪日志正文', 'pruning the log'],
  'ferry.channel': ['摆渡通道', 'a ferry channel'],
};

const CONTENTS: { readonly [kind: string]: (detail: JsonObject) => readonly string[] } = {
  configuration: ({ changes, settings }) => [
    ...Object.entries(objectOf(changes))
      .filter(([name]) => name !== 'settings')
      .map(([name, digests]) => `${howChanged(digests)} ${nameOf(name)}`),
    ...Object.entries(objectOf(settings)).map(([name, values]) => `设置 setting ${name}：${beforeAfter(values)}`),
  ],
  resync: ({ selection, records, counts }) => [
    `向 ${text(objectOf(selection)['platform'])} 报 ${text(records)} 条 (records)：${countsOf(counts)}`,
    `范围 of: ${selectionOf(objectOf(selection))}`,
  ],
  'source.shrink': ({ job, rowsBefore }) => [
    `${text(job)} 的来源比上次（${rowsBefore === null ? '—' : text(rowsBefore)} 行 rows）少，确认确实如此 (really has fewer rows)`,
  ],
  'source.import': ({ job, rows, sha256, batch }) => [
    `人工带来的文件，用于 ${text(job)} (a file brought by hand)，${text(rows)} 行 rows${batch === undefined ? '' : `，批次 batch ${text(batch)}`}`,
    `文件摘要 sha256 ${text(sha256).slice(0, 16)}…`,
  ],
  'log.prune': ({ below }) => [
    `删去日志第 ${text(below)} 条以前的正文，证明不受影响 (bodies below that place go, proofs stay)`,
  ],
  'ferry.channel': ({ channel, to, settings }) => [
    `通道 channel ${text(channel)} → ${Object.values(objectOf(to)).map(text).join(' ')}`,
    ...Object.entries(objectOf(settings)).map(([name, value]) => `设置 setting ${name}：${text(value)}`),
  ],
};

const plainly = (detail: JsonObject): readonly string[] =>
  Object.entries(detail).map(([name, value]) => `${name}：${text(value)}`);

const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});

const text = (value: Json | undefined): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '—' : JSON.stringify(value);

/** `[before, after]`: digests, null where the file was not or is no more. */
const howChanged = (digests: Json): string =>
  !Array.isArray(digests) || (digests[0] !== null && digests[1] !== null)
    ? '修改 changed'
    : digests[0] === null
      ? '新增 new'
      : '删除 gone';

const beforeAfter = (values: Json): string =>
  Array.isArray(values) ? `${text(values[0])} → ${text(values[1])}` : text(values);

const nameOf = (name: string): string => (name === 'schemas/calendar.json' ? `工作日历 calendar ${name}` : name);

const COUNTED: { readonly [standing: string]: string } = {
  new: '新 new',
  changed: '有变 changed',
  withdrawn: '撤回 withdrawn',
  failed: '曾未通过 failed',
  unchanged: '未变 unchanged',
};

/** What is sent, by standing; what stays at home is in the preview. */
function countsOf(counts: Json | undefined): string {
  const said = Object.entries(objectOf(counts)).filter(([name, n]) => name in COUNTED && n !== 0);
  return said.length === 0 ? '—' : said.map(([name, n]) => `${COUNTED[name]} ${text(n)}`).join('，');
}

function selectionOf({ types, keys, since, until, failedOnly, again }: JsonObject): string {
  const list = (value: Json | undefined): string => (Array.isArray(value) ? value.map(text).join(', ') : '');
  const said = [
    list(types) === '' ? '全部类型 all types' : list(types),
    ...(list(keys) === '' ? [] : [`键 keys ${list(keys)}`]),
    ...(since === null && until === null ? [] : [`${text(since)} 至 ${text(until)}`]),
    ...(failedOnly === true ? ['只报未通过的 --failed'] : []),
    ...(again === true ? ['平台已有的也再报 --again'] : []),
  ];
  return said.join('；');
}
