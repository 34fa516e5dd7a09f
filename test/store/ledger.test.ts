import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/canonical.ts';
import { findRecords } from '../../src/store/ledger.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';

const BYTES = Buffer.alloc(32);

onBothDatabases('a record on', ({ url }) => {
  test('is found by the number of its decision too, which is not its own number', async () => {
    const db = await openTestDatabase(await url());
    for (const [id, document] of [
      [1, '桂广电许〔2025〕133号'],
      [2, '桂广电许〔2025〕1_3号'],
    ] as const) {
      await db('records').insert({
        ...{ id, record_key: Buffer.from(String(id).padStart(32)), type: 'licence/printing', authority: 'a', job: 'j' },
        ...{ number: `许可${id}`, newest_version: 1, newest_operation: 'UPSERT', newest_digest: BYTES },
      });
      const body = canonicalJson({ number: `许可${id}`, document: { number: document } });
      await db('versions').insert({
        ...{ record_id: id, version: 1, operation: 'UPSERT', body, digest: BYTES, raw_digest: BYTES, created_at: 'x' },
      });
    }
    const ids = async (number: string) => (await findRecords(db, { numbers: [number] })).map(({ id }) => id);
    expect(await ids('许可1')).toEqual([1]);
    expect(await ids('桂广电许〔2025〕133号')).toEqual([1]);
    expect(await ids('桂广电许〔2025〕1_3号')).toEqual([2]);
    expect(await ids('桂广电许〔2025〕13号')).toEqual([]);
  });
});
