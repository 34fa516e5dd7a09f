/** What opening a source needs beside its spec. */
export interface OpenOptions {
  /** Job name, for messages. */
  readonly name: string;
  /** Entries of HUB_ALLOWED_HOSTS, or every host that the jobs name; absent: only the spec's own host. */
  readonly allowedHosts?: readonly string[];
  /** Asked before a file that a person laid there (`byHand`) gives its first row. */
  readonly confirm?: ConfirmFile;
}

/** `undefined`: these bytes may come in; else what they wait for, one line. */
export type ConfirmFile = (file: {
  readonly name: string;
  readonly sha256: string;
  readonly rows: number;
}) => Promise<string | undefined>;
