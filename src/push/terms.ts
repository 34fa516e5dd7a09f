import { localText } from '../calendar/local-time.ts';
import { isOpenAt, wallClock } from '../delivery/sending-window.ts';
import { durationMs } from '../hub-context.ts';
import type { PlatformSpec } from '../platform-spec.ts';
import type { Terms } from './deliver.ts';

const DEFAULT_REQUEST_S = 20;

/** The contract with a platform, as numbers. `carried`: people carry the batches, which takes days. */
export function termsOf(
  spec: PlatformSpec,
  { carried, zone }: { readonly carried: boolean; readonly zone: string },
): Terms {
  const { sendingWindow } = spec;
  return {
    idempotent: !('idempotent' in spec && spec.idempotent === false),
    idempotencyTtlMs: durationMs(spec.idempotencyTtl, '24h'),
    queryable: !('query' in spec && spec.query === 'none'),
    querySettleMs: durationMs(spec.querySettle, '0s'),
    answerWithinMs: durationMs(spec.answerWithin, carried ? '30d' : '48h'),
    clock: (at) => localText(at, zone),
    isOpen: (now) => sendingWindow === undefined || isOpenAt(sendingWindow, wallClock(now, zone)),
    requestMs: (('timeout' in spec ? spec.timeout : undefined) ?? DEFAULT_REQUEST_S) * 1000,
  };
}
