import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { guardedLookup } from '../hardened-http.ts';
import type { Hub } from '../hub-context.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { tlsMaterial } from '../wire/tls-material.ts';
import { type Check, type CheckContext, daysBetween, HOUR, stagesOf } from './check.ts';
import type { Finding } from './finding.ts';

/** Until when the certificates of the servers that jobs speak to are good: looked at twice a day with a handshake and nothing more. */
export const certificateCheck: Check = {
  name: 'certificates',
  kinds: ['certificate'],
  everyMs: 12 * HOUR,
  look: async (context) => {
    const seen = await Promise.all(secureHosts(context.hub).map((host) => look(context, host)));
    return [...seen.flat(), ...own(context)];
  },
};

/** Our own certificates and the roots that jobs name, as the files say. */
function own(context: CheckContext): Finding[] {
  const { hub } = context;
  return hub.jobs.flatMap((job) => {
    const spec = job.kind === 'push' && 'tls' in job.platform ? job.platform.tls : undefined;
    const read = spec === undefined ? undefined : tlsMaterial(spec);
    if (read === undefined || !('material' in read)) return [];
    const { cert, ca } = read.material;
    const named = [
      ['cert', cert],
      ['ca', ca],
    ] as const;
    return named.flatMap(([part, pem]) => (pem === undefined ? [] : ownFile(context, `${job.name}:tls.${part}`, pem)));
  });
}

function ownFile(context: CheckContext, name: string, pem: string): Finding[] {
  const { hub } = context;
  const until = new Date(new X509Certificate(pem).validTo);
  const left = daysBetween(hub.now(), until);
  return stagesOf(`certificate:${name}`, left, context).map((stage) => ({
    ...finding(name, stage, [left, hub.localDate(until)]),
    fixZh: '请及早更换作业所指的证书文件；换好后下一次运行即生效',
    fixEn: 'replace the file that the job names in time; the next run takes it up',
  }));
}

/** `host:port` of every https address in a job. */
function secureHosts({ jobs }: Hub): string[] {
  const urls = jobs.flatMap((job) => {
    const spec = job.kind === 'pull' ? job.source : job.platform;
    const url = 'url' in spec && typeof spec.url === 'string' ? URL.parse(spec.url) : null;
    return url?.protocol === 'https:' ? [`${url.hostname}:${url.port || 443}`] : [];
  });
  return [...new Set(urls)];
}

async function look(context: CheckContext, host: string): Promise<Finding[]> {
  const { hub, signal } = context;
  const until = await validUntil(hub, host, signal);
  if (until === undefined) return keptOpen(context, host);
  const left = daysBetween(hub.now(), until);
  const day = hub.localDate(until);
  return stagesOf(`certificate:${host}`, left, context).map((stage) => finding(host, stage, [left, day]));
}

const finding = (host: string, stage: number, [left, day]: readonly [number, string]): Finding => ({
  subject: `certificate:${host}:${stage}`,
  kind: 'certificate',
  level: stage === 7 ? 'urgent' : 'warning',
  zh: left < 0 ? `${host} 的证书已于 ${day} 过期` : `${host} 的证书 ${left} 天后（${day}）到期`,
  en:
    left < 0
      ? `the certificate of ${host} expired on ${day}`
      : `the certificate of ${host} ends in ${left} days, on ${day}`,
  fixZh: '请对方及早更换；过期后程序会拒绝连接，数据不会丢',
  fixEn: 'ask the far end to renew it in time; once expired the hub refuses to connect, and nothing is lost',
});

/** A server that does not answer right now says nothing about its certificate: what stood open stays open. */
const keptOpen = ({ isOpen }: CheckContext, host: string): Finding[] =>
  [60, 30, 7].filter((stage) => isOpen(`certificate:${host}:${stage}`)).map((stage) => finding(host, stage, [0, '?']));

const DEADLINE_MS = 10_000;

/** Expired and foreign certificates are read as well: they are what this is about. Nothing is sent over such a connection. */
function validUntil({ settings }: Hub, host: string, signal: AbortSignal): Promise<Date | undefined> {
  const { hostname, port } = new URL(`https://${host}`);
  const at = Number(port || 443);
  const bare = hostname.replace(/^\[|\]$/g, '');
  const allowed = allowedHosts(settings.allowedHosts.length > 0 ? settings.allowedHosts : [host]);
  if (!allowed.allowsName(bare, at)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const named = isIP(bare) === 0 ? { servername: bare } : {};
    const lookup = guardedLookup(allowed, at);
    const socket = connect({ host: bare, port: at, ...named, rejectUnauthorized: false, lookup });
    const end = (until?: Date): void => {
      socket.destroy();
      resolve(until);
    };
    socket.setTimeout(DEADLINE_MS, () => end());
    signal.addEventListener('abort', () => end(), { once: true });
    socket.on('error', () => end());
    socket.on('secureConnect', () => {
      const until = Date.parse(socket.getPeerCertificate().valid_to ?? '');
      end(Number.isNaN(until) ? undefined : new Date(until));
    });
  });
}
