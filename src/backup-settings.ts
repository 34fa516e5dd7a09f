import type { SetupFault } from './errors.ts';

/** Where a copy of the database goes each night, outside of this machine. */
export interface BackupSettings {
  /** A folder (a mounted share), or `sftp://user:password@host:port/folder`. */
  readonly to: string;
  /** Local time `HH:MM` of the nightly copy. */
  readonly at: string;
  /** How many nights are kept. */
  readonly keep: number;
  /** File of the private key for SFTP, where the address holds no password. */
  readonly keyFile?: string | undefined;
  /** Fingerprint of the SFTP server's key, `SHA256:…`. */
  readonly hostKey?: string | undefined;
}

export const BACKUP_SETTING_NAMES = [
  'HUB_BACKUP_TO',
  'HUB_BACKUP_AT',
  'HUB_BACKUP_KEEP',
  'HUB_BACKUP_KEY',
  'HUB_BACKUP_HOST_KEY',
] as const;

type Name = (typeof BACKUP_SETTING_NAMES)[number];

/** Reads them with every fault at once; the address may hold a password and is never repeated in a message. */
export function readBackupSettings(env: { readonly [name: string]: string | undefined }): {
  readonly backup: BackupSettings | undefined;
  readonly faults: readonly SetupFault[];
} {
  const text = (name: Name): string | undefined => env[name]?.trim() || undefined;
  const to = text('HUB_BACKUP_TO');
  const at = text('HUB_BACKUP_AT') ?? '01:30';
  const keep = text('HUB_BACKUP_KEEP') ?? '14';
  const faults: SetupFault[] = [];
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(at))
    faults.push({ where: 'HUB_BACKUP_AT', zh: '应为时刻，如 01:30', en: 'must be a time such as 01:30' });
  if (!/^[1-9]\d{0,3}$/.test(keep))
    faults.push({ where: 'HUB_BACKUP_KEEP', zh: '应为保留份数，如 14', en: 'must be how many to keep, such as 14' });
  const keyFile = text('HUB_BACKUP_KEY');
  const hostKey = text('HUB_BACKUP_HOST_KEY');
  if (to?.startsWith('sftp:') === true) faults.push(...sftpFaults(to, { keyFile, hostKey }));
  const backup = to === undefined ? undefined : { to, at, keep: Number(keep), keyFile, hostKey };
  return { backup, faults };
}

function sftpFaults(
  to: string,
  { keyFile, hostKey }: { readonly keyFile: string | undefined; readonly hostKey: string | undefined },
): SetupFault[] {
  const url = URL.canParse(to) ? new URL(to) : undefined;
  const faults: SetupFault[] = [];
  if (url === undefined || url.hostname === '' || url.username === '' || url.pathname.length < 2)
    faults.push({
      where: 'HUB_BACKUP_TO',
      zh: '应写成 sftp://用户@主机:端口/文件夹',
      en: 'write sftp://user@host:port/folder',
    });
  if (hostKey === undefined || !/^SHA256:[A-Za-z0-9+/]{43}$/.test(hostKey))
    faults.push({
      where: 'HUB_BACKUP_HOST_KEY',
      zh: 'SFTP 须固定主机密钥指纹（ssh-keygen -lf 所示 SHA256:…）',
      en: 'SFTP needs the server’s key fingerprint (SHA256:… as ssh-keygen -lf prints it)',
    });
  if (keyFile === undefined && (url?.password ?? '') === '')
    faults.push({
      where: 'HUB_BACKUP_KEY',
      zh: 'SFTP 需要私钥文件，或在地址中写口令',
      en: 'SFTP needs a private key file, or a password in the address',
    });
  return faults;
}

/** What must never appear in a trace or a message. */
export const backupSecrets = (backup: BackupSettings | undefined): string[] => {
  const url = backup !== undefined && URL.canParse(backup.to) ? new URL(backup.to) : undefined;
  return [url?.password ?? '', url === undefined ? '' : decodeURIComponent(url.password)].filter((text) => text !== '');
};
