import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { anchored } from '../../src/evidence/anchor.ts';
import type { Answer, QueryAnswer } from '../../src/platform.ts';
import { wireFormOf } from '../../src/platforms/index.ts';
import { keepCheckpoint } from '../../src/store/checkpoints.ts';
import { inTransaction } from '../../src/store/database.ts';
import { openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { mariaDbAvailable } from '../support/mariadb.ts';
import { sealedBatch } from '../support/outgoing-batch.ts';
import type { FarEnd } from './contract.ts';
import { excelFarEnd } from './excel-far-end.ts';
import { ferryFarEnd } from './ferry-far-end.ts';
import { type FrontFarEnd, mariaFarEnd, sqliteFarEnd } from './front-far-end.ts';
import { httpFarEnd } from './http-far-end.ts';
import { packageDialect } from './package-dialect.ts';
import { sftpFarEnd } from './sftp-far-end.ts';

const never = new AbortController().signal;
const noteOf = (size: number): string => `hub-under-test/delivery-log\n${size}\n${'A'.repeat(43)}=\n\n— hub c2lnbmVk\n`;
const slotOf = (size: number): string => Buffer.from(noteOf(size)).toString('base64');

/** A hub whose log was signed at size 5, at work with this far end. */
async function bench(far: FarEnd) {
  const db = await openTestDatabase(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
  const sign = (size: number) => {
    const head = { logNo: 1, size, root: Buffer.alloc(32, size), origin: 'hub-under-test/delivery-log' };
    return inTransaction(db, (tx) =>
      keepCheckpoint(tx, { ...head, note: noteOf(size), signedAt: '2026-11-27T02:00:00.000Z' }),
    );
  };
  await sign(5);
  const platform = anchored(await far.open(), { db, name: 'credit-sharing', now: () => new Date() });
  onTestFinished(() => platform.close());
  const batch = await sealedBatch({ wire: wireFormOf(far.spec) });
  const deliver = async (): Promise<Answer | QueryAnswer> => {
    let answer: Answer | QueryAnswer = await platform.send(batch, never);
    // Signed again in between: what counts is what went with the batch.
    await sign(9);
    for (let round = 0; round < 3 && answer.outcome !== 'answered'; round += 1) {
      await far.work();
      answer = await platform.query(batch, never);
    }
    return answer;
  };
  const anchors = async () => (await db('anchors').select('kind', 'place', 'size')).map((row) => ({ ...row }));
  return { batch, deliver, anchors };
}

const LEFT = [{ kind: 'platform', place: 'credit-sharing', size: 5 }];

describe('the log’s checkpoint goes to the slot that the job names, and is read at the far end', () => {
  test('http: a request header', async () => {
    const seen: (string | undefined)[] = [];
    const { isSubmit, answer } = packageDialect;
    const watching: typeof packageDialect = {
      isSubmit,
      answer: (ask, store) => {
        if (isSubmit(ask)) seen.push(String(ask.headers['x-zhengxin-checkpoint']));
        return answer(ask, store);
      },
    };
    const far = await httpFarEnd(watching, (url) => ({
      ...{ use: 'http', url, auth: { bearer: 'let-me-in' }, timeout: 5, anchor: { header: 'X-Zhengxin-Checkpoint' } },
    }));
    const { deliver, anchors } = await bench(far);
    expect((await deliver()).outcome).toBe('answered');
    expect(seen).toEqual([slotOf(5)]);
    expect(await anchors()).toEqual(LEFT);
  });

  test('sftp: a member of the .ok', async () => {
    const far = await sftpFarEnd('json', { anchor: { ok: 'checkpoint' } });
    const { batch, deliver, anchors } = await bench(far);
    expect((await deliver()).outcome).toBe('answered');
    const [ok = ''] = readdirSync(join(far.folder, 'in')).filter((name) => name.endsWith('.ok'));
    expect(JSON.parse(readFileSync(join(far.folder, 'in', ok), 'utf8'))).toEqual({
      ...{ sha256: batch.bodyDigest, count: batch.idemKeys.length, checkpoint: slotOf(5) },
    });
    expect(await anchors()).toEqual(LEFT);
  });

  test('sftp: an answer that was lost changes nothing in an .ok that is there', async () => {
    const far = await sftpFarEnd('json', { anchor: { ok: 'checkpoint' }, receiptFolder: '/receipts' });
    const { deliver, anchors } = await bench(far);
    await far.loseAnswer();
    expect((await deliver()).outcome).toBe('answered');
    // The connection broke before the .ok, which a query then wrote: it knows of no checkpoint, so none is claimed.
    expect(await anchors()).toEqual([]);
  });

  const front = async (far: FrontFarEnd): Promise<void> => {
    await far.sql('ALTER TABLE hub_batch ADD COLUMN CHECKPOINT TEXT');
    const { batch, deliver, anchors } = await bench(far);
    expect((await deliver()).outcome).toBe('answered');
    expect(await far.sql('SELECT batch_id, CHECKPOINT AS kept FROM hub_batch')).toEqual([
      { batch_id: batch.batchId, kept: slotOf(5) },
    ]);
    expect(await anchors()).toEqual(LEFT);
  };
  const change = { anchor: { column: 'CHECKPOINT' } };

  test('front-database on SQLite: a column of the ledger', async () => front(await sqliteFarEnd({ change })));

  test.skipIf(!mariaDbAvailable)(
    'front-database on MariaDB: a column of the ledger, after a lost COMMIT too',
    async () => {
      await front(await mariaFarEnd({ change }));
      const lost = await mariaFarEnd({ change });
      await lost.loseAnswer();
      await front(lost);
    },
  );

  test('excel: a file beside the upload file', async () => {
    const far = await excelFarEnd({ anchor: { file: '.checkpoint.txt' } });
    const { deliver, anchors } = await bench(far);
    expect((await deliver()).outcome).toBe('answered');
    const [name = ''] = readdirSync(far.folder);
    expect(name).toMatch(/\.xlsx\.checkpoint\.txt$/);
    expect(readFileSync(join(far.folder, name), 'utf8')).toBe(noteOf(5));
    expect(await anchors()).toEqual(LEFT);
  });

  test('ferry: in the signed header, and in the .ok of the inner side', async () => {
    const far = await ferryFarEnd({ anchor: true });
    const { deliver, anchors } = await bench(far);
    expect((await deliver()).outcome).toBe('answered');
    const [name = ''] = readdirSync(far.outbox);
    const head = JSON.parse(readFileSync(join(far.outbox, name), 'latin1').split('\n')[1] ?? '');
    expect(head.checkpoint).toBe(slotOf(5));
    expect(far.announced).toMatchObject([{ checkpoint: slotOf(5) }]);
    expect(await anchors()).toEqual(LEFT);
  });

  test('no slot, nothing goes along', async () => {
    const far = await ferryFarEnd();
    const { deliver, anchors } = await bench(far);
    await deliver();
    expect(Object.keys(far.announced[0] ?? {})).toEqual(['sha256', 'count']);
    expect(await anchors()).toEqual([]);
  });
});
