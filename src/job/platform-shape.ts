import { isScalar } from 'yaml';
import { nameFault } from '../delivery/package-name.ts';
import { frontDatabase } from './front-database-shape.ts';
import { http } from './http-platform-shape.ts';
import { terms } from './platform-terms.ts';
import { type Members, optional, required, type Shape, type TextCheck, text } from './shape.ts';
import { byUse, checked, hasMember, integer, list, object, oneOf, secret, sftpUrl } from './shape-words.ts';

/** What `platform:` of a push job may say, by `use`; one line per protocol (platform-spec.ts has the types). */
export const platform = ({ hosts }: { readonly hosts: readonly string[] }): Shape =>
  byUse({ 'front-database': frontDatabase(hosts), http: http(hosts), sftp: sftp(hosts), excel, ferry });

const sftp = (hosts: readonly string[]): Shape =>
  object({
    ...terms,
    use: required(oneOf('sftp')),
    url: required(checked(sftpUrl(hosts))),
    login: required(sftpLogin),
    hostKey: required({ is: 'choice', choose: (node) => (isScalar(node) ? hostKey : list(hostKey, 1)) }),
    folder: required(remoteFolder),
    archiveFolder: optional(remoteFolder),
    receiptFolder: optional(remoteFolder),
    receiptDoneFolder: optional(remoteFolder),
    receipt: optional(receipt),
    holdings: optional(object({ folder: required(remoteFolder), match: optional(text) })),
    fileName: optional(checked((name) => nameFault(name, '.zip'))),
    temporarySuffix: optional(checked(suffixFault)),
    data: optional(oneOf('json', 'xml', 'csv')),
    encoding: optional(oneOf('utf-8', 'gb18030')),
    heads: optional(oneOf('codes', 'titles')),
    slots: optional(slots),
    receiverDedups: optional({ is: 'boolean' }),
    anchor: optional(object({ ok: required(checked(memberFault)) })),
    timeout: optional(integer(1, 29)),
  });

const sftpLogin: Shape = {
  is: 'choice',
  choose: (node) =>
    hasMember(node, 'keyFile')
      ? object({ user: required(text), keyFile: required(text), passphrase: optional(secret) })
      : object({ user: required(text), password: required(secret) }),
};

const hostKey = checked((value) =>
  /^SHA256:[A-Za-z0-9+/]{43}$/.test(value)
    ? undefined
    : {
        zh: '应为 SHA256: 开头的主机密钥指纹，用 ssh-keyscan 主机 | ssh-keygen -lf - 取得，并与平台核实',
        en: 'must be a fingerprint SHA256:…; get it by ssh-keyscan HOST | ssh-keygen -lf - and confirm it with the platform',
      },
);

const remoteFolder = checked((value) =>
  /\\|\p{Cc}|(?:^|\/)\.\.(?:\/|$)/u.test(value)
    ? { zh: '目录不能含 .. 或反斜杠', en: 'no .. and no backslash in a folder' }
    : undefined,
);

const suffixFault: TextCheck = (value) =>
  /^\.[A-Za-z0-9]{1,16}$/.test(value) && value !== '.ok'
    ? undefined
    : { zh: '应写成 .part 这样的后缀，不能是 .ok', en: 'write a suffix such as .part; it cannot be .ok' };

const memberFault: TextCheck = (value) =>
  /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(value) && value !== 'sha256' && value !== 'count'
    ? undefined
    : {
        zh: '应为 .ok 文件中的成员名，不能是 sha256、count',
        en: 'write the name of a member of .ok; not sha256, not count',
      };

const endingFault: TextCheck = (value) =>
  /^\.[A-Za-z0-9.]{1,32}$/.test(value) && !/\.(?:xlsx|part)$/i.test(value)
    ? undefined
    : { zh: '应写成 .checkpoint.txt 这样的后缀', en: 'write an ending such as .checkpoint.txt' };

const slots = object({ rowId: optional(text), op: optional(text) });

const receipt = object({
  columns: optional(
    object({
      batchId: optional(text),
      receiptId: optional(text),
      rowId: optional(text),
      rowNo: optional(text),
      code: optional(text),
      message: optional(text),
      platformId: optional(text),
    }),
  ),
  accepted: optional(list(text, 1)),
  lists: optional(oneOf('all', 'failures')),
});

const excel = object({
  ...terms,
  use: required(oneOf('excel')),
  folder: required(text),
  fileName: optional(checked((name) => nameFault(name, '.xlsx'))),
  template: optional(
    checked((path) =>
      path.endsWith('.xlsx')
        ? undefined
        : { zh: '应为 .xlsx 文件，.xls 请另存', en: 'must be an .xlsx file; save an .xls as one' },
    ),
  ),
  sheet: optional(text),
  titles: optional({ is: 'map', of: text, min: 1 }),
  notes: optional(list(text)),
  slots: optional(slots),
  receipt: optional(receipt),
  holdings: optional(object({ folder: required(text), match: optional(text) })),
  anchor: optional(object({ file: required(checked(endingFault)) })),
});

const hex =
  (digits: number, zh: string, en: string): TextCheck =>
  (value) =>
    new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(value)
      ? undefined
      : { zh: `应为 ${digits} 位十六进制数：${zh}`, en: `must be ${digits} hex digits: ${en}` };

/** What both ends of a ferry have (docs/platform-ferry.md §3); new keys by `hub ferry keys`. */
export const ferryKeys: Members = {
  channel: required(
    checked((value) =>
      /^[a-z0-9][a-z0-9-]{0,63}$/.test(value)
        ? undefined
        : { zh: '只能用小写字母、数字和短横线', en: 'lower-case letters, digits and hyphens only' },
    ),
  ),
  key: required({ is: 'text', secret: true, check: hex(64, '共享密钥', 'the shared key') }),
  signKey: required({ is: 'text', secret: true, check: hex(64, 'SM2 私钥', 'an SM2 private key') }),
  trust: required(checked(hex(130, 'SM2 公钥', 'an SM2 public key'))),
};

const ferry = object({
  ...terms,
  ...ferryKeys,
  use: required(oneOf('ferry')),
  outbox: required(text),
  anchor: optional({ is: 'boolean' }),
});
