import { expect, test } from 'vitest';
import { nothingKnown, type PendingQuery, type PendingRow, readPending } from '../../src/store/pending.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';

const BYTES = Buffer.alloc(32);

/** `L`: a licence (newest state counts), `P`: a penalty (no version skipped), `p`: one with two versions, `-`: a withdrawn licence. */
async function library(url: string, kinds: string) {
  const db = await openTestDatabase(url);
  for (const [index, kind] of [...kinds].entries()) {
    const id = index + 1;
    const operation = kind === '-' ? 'WITHDRAW' : 'UPSERT';
    const versions = kind === 'p' ? 2 : 1;
    await db('records').insert({
      ...{ id, record_key: Buffer.from(String(id).padStart(32)), authority: 'a', job: 'j', newest_version: versions },
      ...{
        type: 'Pp'.includes(kind) ? 'penalty/penalty' : 'licence/printing',
        newest_operation: operation,
        newest_digest: BYTES,
      },
    });
    for (let version = 1; version <= versions; version += 1)
      await db('versions').insert({
        ...{ record_id: id, version, operation, body: '{}', digest: BYTES, raw_digest: BYTES, created_at: 'x' },
      });
  }
  return db;
}

const QUERY: Omit<PendingQuery, 'limit' | 'afterId'> = {
  platform: 'credit-sharing',
  types: ['licence/printing'],
  everyVersion: ['penalty/penalty'],
  operation: 'UPSERT',
};

onBothDatabases('pending rows on', ({ url }) => {
  test.each([
    ['licences first, penalties last', 'LLLLLLLLPPPP'],
    ['penalties first', 'PPPPPLLLL'],
    ['mixed', 'LPLLPPLLLp-pLPPL-LLLP'],
    ['one kind only', 'LLLLL'],
    ['none', '---'],
  ])('come page by page as they would at once: %s', async (_, kinds) => {
    const db = await library(await url(), kinds);
    const short = ({ id, version, rendition }: PendingRow): string => `${id}/${version}/${rendition}`;
    const expected = [...kinds].flatMap((kind, index) => (kind === '-' ? [] : [`${index + 1}/1/1`]));
    for (const limit of [1, 2, 3, 5, 100]) {
      const [known, found]: [ReturnType<typeof nothingKnown>, string[]] = [nothingKnown(), []];
      for (let afterId = 0; ; ) {
        const rows = await readPending(db, { ...QUERY, afterId, limit, known });
        if (rows.length === 0) break;
        found.push(...rows.map(short));
        afterId = Number(rows.at(-1)?.id);
      }
      expect(found, `pages of ${limit}`).toEqual(expected);
      expect(known).toEqual({ newest: Infinity, next: Infinity, reissues: Infinity });
    }
  });

  test('a list whose next row lies behind the page is not asked', async () => {
    const db = await library(await url(), 'LLLLPP');
    const known = nothingKnown();
    await readPending(db, { ...QUERY, afterId: 0, limit: 2, known });
    expect(known).toEqual({ newest: 2, next: 5, reissues: Infinity });
    const ids = async (ahead: typeof known): Promise<number[]> =>
      (await readPending(db, { ...QUERY, afterId: 0, limit: 9, known: ahead })).map(({ id }) => Number(id));
    expect(await ids({ newest: 0, next: Infinity, reissues: Infinity })).toEqual([1, 2, 3, 4]);
    expect(await ids({ newest: Infinity, next: 0, reissues: 0 })).toEqual([5, 6]);
  });
});
