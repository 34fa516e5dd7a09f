import { PACKAGE_FORM, type WireForm } from '../delivery/wire-form.ts';
import type { Platform } from '../platform.ts';
import type { PlatformSpec } from '../platform-spec.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { type HttpPlatformOptions, openHttp } from './http.ts';

type Opener<U extends PlatformSpec['use']> = (
  spec: Extract<PlatformSpec, { readonly use: U }>,
  options: HttpPlatformOptions,
) => Promise<Platform>;

/** One line per protocol; a new one is its file and its line here. */
const openers = { http: openHttp } satisfies { readonly [U in PlatformSpec['use']]: Opener<U> };

/** How a platform wants its batches written. */
export const wireFormOf = (_spec: PlatformSpec): WireForm => PACKAGE_FORM;

export interface PlatformOptions {
  /** Platform name, for messages. */
  readonly name: string;
  /** HUB_ALLOWED_HOSTS; empty: the host that the job names, and no other. */
  readonly allowedHosts: readonly string[];
  readonly now: () => Date;
}

/** Opens a platform; nothing is connected to before the first send. Throws HubError PLATFORM_WRONG for a spec that cannot work. */
export async function openPlatform(
  spec: PlatformSpec,
  { name, allowedHosts: hosts, now }: PlatformOptions,
): Promise<Platform> {
  const allowed = allowedHosts(hosts.length > 0 ? hosts : [new URL(spec.url).host]);
  return openers[spec.use](spec, { name, allowed, now });
}
