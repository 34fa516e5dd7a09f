import { HubError } from '../errors.ts';
import type { HttpPlatformSpec, SortedSign } from '../platform-spec.ts';
import { authHeaders, exchangeHeaders } from '../wire/exchange-sign.ts';
import { missingAlgorithm } from '../wire/missing-algorithm.ts';
import { fillText, type Lookup } from '../wire/placeholders.ts';
import { sortedSignature } from '../wire/sorted-sign.ts';
import type { NoProof, Proof } from './proof.ts';
import { type RefreshContext, refreshedSecret } from './refreshed-secret.ts';

export interface Credentials {
  prove(values: Lookup, signal: AbortSignal): Promise<Proof | NoProof>;
}

export function credentials(spec: HttpPlatformSpec, context: RefreshContext): Credentials {
  refuseUnsignable(spec, context.name);
  const { auth, sign } = spec;
  const secret =
    auth !== undefined && 'hmac' in auth && 'refresh' in auth.hmac
      ? refreshedSecret(spec.url, auth.hmac, context)
      : undefined;
  const sorted = typeof sign === 'object' ? sign : undefined;
  return {
    prove: async (values, signal) => {
      const signed = sorted === undefined ? { headers: {}, query: {} } : sortedProof(sorted, values);
      if (secret === undefined)
        return { ...signed, headers: { ...authHeaders(auth, context.now()), ...signed.headers } };
      const current = await secret(signal);
      if ('reason' in current) return current;
      return { ...signed, headers: { ...exchangeHeaders(current, context.now()), ...signed.headers } };
    },
  };
}

function sortedProof(sign: SortedSign, values: Lookup): Proof {
  const params = Object.fromEntries(
    Object.entries(sign.params).map(([name, value]) => [name, fillText(value, values)]),
  );
  const all = { ...params, [sign.as]: sortedSignature(sign, params) };
  return sign.into === 'query' ? { headers: {}, query: all } : { headers: all, query: {} };
}

/** `sign` without its secret would send everything unsigned; an algorithm that this Node lacks would fail on a Friday. */
function refuseUnsignable({ sign, auth }: HttpPlatformSpec, name: string): void {
  if (sign === 'hmac-sha256' && !(auth !== undefined && 'hmac' in auth)) {
    throw wrong(
      `平台 ${name} 要求签名但没有密钥 (platform ${name}: sign needs auth.hmac)`,
      '请在作业的 platform.auth.hmac 中写 requesterId、serviceId 与 secret (write them under platform.auth.hmac)',
    );
  }
  if (typeof sign !== 'object') return;
  const missing = missingAlgorithm(sign);
  if (missing !== undefined) {
    throw wrong(
      `本机 Node 的 OpenSSL 不支持 ${missing} (this Node's OpenSSL has no ${missing})`,
      '请用随本程序安装的 Node 运行 (run it with the Node that npm ci installs)',
    );
  }
}

const wrong = (message: string, fix: string): HubError =>
  new HubError('PLATFORM_WRONG', message, { remedy: 'give-up', fix });
