import { HubError } from '../errors.ts';
import type { TlsSpec } from '../platform-spec.ts';
import { type TlsMaterial, tlsMaterial } from '../wire/tls-material.ts';

/** Certificates and keys as they are now: a renewed file is taken up by the next run. */
export function readTls(spec: TlsSpec | undefined, name: string): TlsMaterial | undefined {
  if (spec === undefined) return undefined;
  const read = tlsMaterial(spec);
  if ('material' in read) return read.material;
  throw new HubError('PLATFORM_WRONG', `平台 ${name}：${read.zh} (platform ${name}: ${read.en})`, {
    remedy: 'give-up',
    fix: '请改正作业中 platform.tls 的文件路径或变量 (mend the paths or variables of platform.tls)',
  });
}
