import { PACKAGE_FORM, type WireForm } from '../delivery/wire-form.ts';
import type { Platform } from '../platform.ts';
import type { PlatformSpec } from '../platform-spec.ts';
import type { Form } from '../schema/outbound.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { templateForm } from '../wire/body-template.ts';
import type { OpenOptions } from './open.ts';
import { packageZip } from './package-zip.ts';
import { uploadSheet } from './upload-sheet.ts';

type Opener<U extends PlatformSpec['use']> = (
  spec: Extract<PlatformSpec, { readonly use: U }>,
  options: OpenOptions,
) => Promise<Platform>;

/** One line per protocol; a new one is its file and its line here. Loaded when wanted: most hubs speak one or two of them. */
const openers = {
  'front-database': async (...given) => (await import('./front-database.ts')).openFrontDatabase(...given),
  http: async (...given) => (await import('./http.ts')).openHttp(...given),
  sftp: async (...given) => (await import('./sftp.ts')).openSftp(...given),
  excel: async (...given) => (await import('./excel.ts')).openExcel(...given),
  ferry: async (...given) => (await import('./ferry.ts')).openFerryPlatform(...given),
} satisfies {
  readonly [U in PlatformSpec['use']]: Opener<U>;
};

/**
 * How a platform wants its batches written; `forms` tell the order and the titles of columns, `files` what is to be used instead of
 * what lies at the paths that the job names.
 */
export function wireFormOf(
  spec: PlatformSpec,
  forms: Iterable<Form> = [],
  files: ReadonlyMap<string, Buffer> = new Map(),
): WireForm {
  if (spec.use === 'sftp') return packageZip(spec, forms);
  if (spec.use === 'excel') return uploadSheet(spec, forms, files);
  return spec.use === 'http' && typeof spec.body === 'object' ? templateForm(spec.body) : PACKAGE_FORM;
}

export interface PlatformOptions extends Omit<OpenOptions, 'allowed'> {
  /** HUB_ALLOWED_HOSTS; empty: the host that the job names, and no other. */
  readonly allowedHosts: readonly string[];
}

/** Opens a platform; nothing is connected to before the first send. Throws HubError PLATFORM_WRONG for a spec that cannot work. */
export async function openPlatform(
  spec: PlatformSpec,
  { allowedHosts: hosts, ...options }: PlatformOptions,
): Promise<Platform> {
  const allowed = allowedHosts(hosts.length > 0 ? hosts : 'url' in spec ? [new URL(spec.url).host] : []);
  const open: Opener<never> = openers[spec.use];
  return open(spec as never, { ...options, allowed });
}
