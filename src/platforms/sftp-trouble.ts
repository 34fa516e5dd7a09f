/** What went wrong on the way to or at an SFTP server; decides whether waiting helps. */
export type SftpTroubleKind =
  | 'host-refused'
  | 'unreachable'
  | 'host-key'
  | 'login'
  | 'lost'
  | 'missing'
  | 'denied'
  | 'failed'
  | 'damaged';

/** `message`: Chinese first, with the server and the cause, never a password or a key. */
export class SftpTrouble extends Error {
  readonly kind: SftpTroubleKind;
  constructor(kind: SftpTroubleKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Waiting mends none of these. */
const NEEDS_A_PERSON: ReadonlySet<SftpTroubleKind> = new Set([
  'host-refused',
  'host-key',
  'login',
  'missing',
  'denied',
]);

export const needsAPerson = ({ kind }: SftpTrouble): boolean => NEEDS_A_PERSON.has(kind);
