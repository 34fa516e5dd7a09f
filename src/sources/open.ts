/** What opening a source needs beside its spec. */
export interface OpenOptions {
  /** Job name, for messages. */
  readonly name: string;
  /** Entries of HUB_ALLOWED_HOSTS, or every host that the jobs name; absent: only the spec's own host. */
  readonly allowedHosts?: readonly string[];
}
