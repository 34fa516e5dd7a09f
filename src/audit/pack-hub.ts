import { idemKey } from '../delivery/delivery-key.ts';
import { HubError } from '../errors.ts';
import type { Reader } from '../store/database.ts';
import { firstMember, type PackBatchRow } from '../store/evidence-rows.ts';

/**
 * A pack names the hub whose id is part of every key; under another HUB_ID both verifiers would take every batch for a
 * forgery. Throws PACK_FOREIGN where no batch was sealed under this one.
 */
export async function refuseOtherHub(
  batches: readonly PackBatchRow[],
  { db, hubId }: { readonly db: Reader; readonly hubId: string },
): Promise<void> {
  let compared = 0;
  for (const { seq, platform } of batches) {
    const member = await firstMember(db, seq);
    if (member === undefined) continue;
    const { recordKey, version, rendition } = member;
    if (idemKey({ hubId, platform, recordKeyHex: recordKey.toString('hex'), version, rendition }) === member.idemKey)
      return;
    compared += 1;
  }
  if (compared > 0) throw otherHub(hubId);
}

const otherHub = (hubId: string): HubError =>
  new HubError(
    'PACK_FOREIGN',
    `HUB_ID 为 ${hubId}，这些批次不是以它封装的 (these batches were sealed under another HUB_ID)`,
    {
      remedy: 'give-up',
      fix: '把 HUB_ID 设成报送时的值：它是每个幂等键的一部分 (set HUB_ID to what it was when they were sent: it is part of every key)',
    },
  );
