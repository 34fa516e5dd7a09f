import { createHmac } from 'node:crypto';
import type { HttpAuth } from '../source.ts';

export interface ExchangeIdentity {
  /** 请求方标识 */
  readonly requesterId: string;
  /** 服务标识 */
  readonly serviceId: string;
  readonly secret: string;
}

/** Header names and values of one request. */
export interface Headers {
  readonly [name: string]: string;
}

/** 国家数据共享平台: Base64(HMAC-SHA256(secret, sid + rid + rtime)), `rtime` in ms since 1970 (domain.md §5.4). */
function exchangeSign(identity: ExchangeIdentity, rtime: number): string {
  const message = `${identity.serviceId}${identity.requesterId}${rtime}`;
  return createHmac('sha256', identity.secret).update(message, 'utf8').digest('base64');
}

export function exchangeHeaders(identity: ExchangeIdentity, now: Date): Headers {
  const rtime = now.getTime();
  return {
    gjgxjhpt_rid: identity.requesterId,
    gjgxjhpt_sid: identity.serviceId,
    gjgxjhpt_rtime: String(rtime),
    gjgxjhpt_sign: exchangeSign(identity, rtime),
  };
}

/** The headers that prove who asks, made anew for each request: a signature holds for one instant only. */
export function authHeaders(auth: HttpAuth | undefined, now: Date): Headers {
  if (auth === undefined) return {};
  if ('bearer' in auth) return { Authorization: `Bearer ${auth.bearer}` };
  if ('header' in auth) return auth.header;
  return exchangeHeaders(auth.hmac, now);
}
