import type { Db } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { AllowedHosts } from '../wire/allowed-hosts.ts';

/** What opening a platform takes besides its spec. */
export interface OpenOptions {
  /** Platform name: in messages and in file names. */
  readonly name: string;
  readonly allowed: AllowedHosts;
  readonly now: () => Date;
  /** For what people carry: numbers of packages, and receipts that came by hand. Absent where nothing is sent (a rehearsal). */
  readonly db?: Db | undefined;
  /** Where secrets are kept that platforms issue; absent without HUB_SECRET_KEY. */
  readonly vault?: Vault | undefined;
  /** HUB_ID */
  readonly hubId?: string | undefined;
}
