import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packBody } from '../../src/store/outbox.ts';
import { databases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { dumpTables } from './dump.ts';
import { TOKEN } from './rig.ts';

test('the dump shows what stands in a compressed body, for the checker to find', async () => {
  const url = (await databases[0]?.url()) ?? '';
  const db = await openTestDatabase(url);
  const [digest, text] = [Buffer.alloc(32), 'x'];
  const body = await packBody(Buffer.from(`{"records":["${TOKEN}"]}`.repeat(50)));
  await db('batches').insert({
    ...{
      seq: 1,
      id: text,
      platform: text,
      form: text,
      state: 'SEALED',
      run_id: 1,
      members: 0,
      body,
      body_digest: digest,
    },
    ...{ manifest_root: digest, attempts: 0, epoch: 1, sealed_at: text },
  });
  const folder = temporaryFolder();
  await dumpTables(url, folder);
  expect(readFileSync(join(folder, 'whole-batches.jsonl'), 'latin1')).toContain(TOKEN);
});
