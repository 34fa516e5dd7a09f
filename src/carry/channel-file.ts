import { readFileSync } from 'node:fs';
import { isNode } from 'yaml';
import { SetupError, type SetupFault } from '../errors.ts';
import { ferryKeys, platform } from '../job/platform-shape.ts';
import { checkShape, optional, required, type Shape, text } from '../job/shape.ts';
import { object } from '../job/shape-words.ts';
import { readYaml } from '../job/yaml-file.ts';
import type { PlatformSpec } from '../platform-spec.ts';
import type { Environment } from '../settings.ts';

/** The far side of a ferry: one YAML file (docs/platform-ferry.md §3). */
export interface Channel {
  readonly channel: string;
  /** HUB_ID of the hub that packs. */
  readonly hub: string;
  readonly key: string;
  /** SM2 private key that signs the return receipts. */
  readonly signKey: string;
  /** SM2 public key of the hub that packs. */
  readonly trust: string;
  readonly to: ToFolder | { readonly platform: PlatformSpec };
  /** Folder for packages of return receipts. */
  readonly returns: string;
}

export interface ToFolder {
  /** Where each batch is put as a file. */
  readonly folder: string;
  /** Where whoever works on them puts receipts, named like the files. */
  readonly receiptFolder?: string;
}

/** Throws SetupError with every fault and its line. */
export function readChannel(path: string, env: Environment, hosts: readonly string[]): Channel {
  const file = readYaml(path, contentOf(path), env);
  const faults: readonly SetupFault[] = [...file.faults, ...checkShape(file, file.root, shape(hosts))];
  if (faults.length > 0) throw new SetupError(faults);
  const channel: Channel = file.doc.toJS({ maxAliasCount: 100 });
  if ('folder' in channel.to !== 'platform' in channel.to) return channel;
  const to = file.doc.getIn(['to'], true);
  const said = file.fault(
    isNode(to) ? to : null,
    'to 要写 folder 或 platform 之一',
    'to needs folder or platform, not both',
  );
  throw new SetupError([said]);
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new SetupError([{ where: path, zh: '读不到通道文件', en: 'the channel file cannot be read' }]);
  }
}

const shape = (hosts: readonly string[]): Shape =>
  object({
    ...ferryKeys,
    hub: required(text),
    to: required(
      object({ folder: optional(text), receiptFolder: optional(text), platform: optional(platform({ hosts })) }),
    ),
    returns: required(text),
  });
