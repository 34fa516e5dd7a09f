import { HubError } from '../errors.ts';
import type { HardenedHttp } from '../hardened-http.ts';
import { durationS } from '../job/duration.ts';
import type { SecretRefresh } from '../platform-spec.ts';
import type { KeptSecret, Vault } from '../store/vault.ts';
import { answerDocument } from '../wire/answer-document.ts';
import { type ExchangeIdentity, exchangeHeaders } from '../wire/exchange-sign.ts';
import { openIssuedSecret, secretEnd } from '../wire/platform-secret.ts';
import type { NoProof } from './proof.ts';

export interface RefreshContext {
  /** Platform name. */
  readonly name: string;
  readonly http: HardenedHttp;
  readonly now: () => Date;
  /** Where issued secrets are kept; absent without HUB_SECRET_KEY. */
  readonly vault: Vault | undefined;
}

type Refreshed = ExchangeIdentity & { readonly refresh: SecretRefresh };

/**
 * The secret as it is now: the one of the job's YAML until the platform issued another, from then on the one in the vault,
 * renewed in time. One call at a time, however many batches wait for it.
 */
export function refreshedSecret(
  url: string,
  identity: Refreshed,
  context: RefreshContext,
): (signal: AbortSignal) => Promise<ExchangeIdentity | NoProof> {
  const { vault } = context;
  if (vault === undefined) throw noKey(context.name);
  const name = `${context.name}/exchange-secret`;
  const beforeMs = (durationS(identity.refresh.before ?? '10m') ?? 600) * 1000;
  let held: KeptSecret | undefined;
  let renewing: Promise<ExchangeIdentity | NoProof> | undefined;
  const fresh = (secret: KeptSecret | undefined, marginMs: number): string | undefined =>
    secret?.endsAt !== undefined && secret.endsAt.getTime() - marginMs > context.now().getTime()
      ? secret.value
      : undefined;
  const renew = async (signal: AbortSignal): Promise<ExchangeIdentity | NoProof> => {
    held = await vault.read(name);
    const kept = fresh(held, beforeMs);
    if (kept !== undefined) return { ...identity, secret: kept };
    const current = { ...identity, secret: held?.value ?? identity.secret };
    const issued = await askForSecret(url, current, context, signal);
    if ('value' in issued) {
      await vault.keep(name, issued, context.now());
      held = issued;
      return { ...identity, secret: issued.value };
    }
    // An old secret that still holds is better than none: the next request tries again.
    return fresh(held, 0) === undefined ? issued : current;
  };
  return (signal) => {
    const secret = fresh(held, beforeMs);
    if (secret !== undefined) return Promise.resolve({ ...identity, secret });
    renewing ??= renew(signal).finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
}

async function askForSecret(
  url: string,
  identity: Refreshed,
  { http, now }: RefreshContext,
  signal: AbortSignal,
): Promise<KeptSecret | NoProof> {
  const { refresh } = identity;
  const whole = `${url.replace(/\/+$/, '')}/${refresh.path.replace(/^\/+/, '')}`;
  const exchange = await http.request({
    method: 'POST',
    url: whole,
    headers: { Accept: 'application/json', ...exchangeHeaders(identity, now()) },
    signal,
  });
  signal.throwIfAborted();
  if (exchange.outcome === 'failure')
    return { reason: `换取密钥失败：${exchange.reason} (no new secret)`, page: exchange.kind === 'tls' };
  if (exchange.status !== 200)
    return noSecret(`对方答 ${exchange.status} (answered ${exchange.status})`, exchange.status < 500);
  const read = answerDocument('json', exchange.headers['content-type'], exchange.body);
  if ('doubt' in read) return noSecret(read.doubt, false);
  const { document } = read;
  const code = document.text(refresh.code ?? '/code');
  if (!(refresh.good ?? ['0']).includes(code ?? '')) return noSecret('对方未给出 (the platform gave none)', true);
  const value = openIssuedSecret(document.text(refresh.secret ?? '/data/secret') ?? '', refresh);
  if (value === undefined)
    return noSecret('解密不成，请核对 appKey 与 cipher (it does not open: check appKey and cipher)', true);
  const endsAt = secretEnd(document.text(refresh.endTime ?? '/data/secretEndTime') ?? '');
  return endsAt === undefined ? noSecret('没有到期时间 (it has no end)', true) : { value, endsAt };
}

const noSecret = (why: string, page: boolean): NoProof => ({ reason: `换取密钥失败：${why} (no new secret)`, page });

const noKey = (name: string): HubError =>
  new HubError(
    'PLATFORM_WRONG',
    `平台 ${name} 的密钥需要加密保存 (platform ${name}: its secret must be kept encrypted)`,
    {
      remedy: 'give-up',
      fix: '请设 HUB_SECRET_KEY：openssl rand -hex 32 (set HUB_SECRET_KEY)',
    },
  );
