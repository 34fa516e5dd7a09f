import { describe, expect, onTestFinished, test } from 'vitest';
import { canonicalJson } from '../../src/canonical.ts';
import type { JsonObject } from '../../src/json.ts';
import type { Answer, OutgoingBatch, Platform, QueryAnswer, Verdict } from '../../src/platform.ts';
import type { PlatformSpec } from '../../src/platform-spec.ts';
import { wireFormOf } from '../../src/platforms/index.ts';
import { type BatchGiven, licence, sealedBatch } from '../support/outgoing-batch.ts';

/** One record as the far end keeps it, read by its own means, never by the hub's code. */
export interface FarRecord {
  readonly rowId: string;
  readonly op: 'U' | 'D';
  readonly data: JsonObject;
  /** How often it was taken in; more than once is a double. */
  readonly times: number;
}

/** A platform on loopback or in a folder, with behaviour as told; it closes itself when the test ends. */
export interface FarEnd {
  readonly spec: PlatformSpec;
  open(): Promise<Platform>;
  /** The next batch is taken in, and its answer is lost on the way. */
  loseAnswer(): void | Promise<void>;
  /** The next batch is lost before anything of it is taken in. */
  loseBatch(): void | Promise<void>;
  /** This record will be rejected for this reason. */
  reject(rowId: string, code: string, reason: string): void | Promise<void>;
  /** Does what it owes: picks up what lies there, answers it, hands the answer over. */
  work(): void | Promise<void>;
  held(): readonly FarRecord[] | Promise<readonly FarRecord[]>;
}

export interface Abilities {
  /** False where nobody can say that a batch never came (a picked-up file looks the same). Default true. */
  readonly tellsAbsent?: boolean;
  /** False where nothing answers at once, so that no answer can be lost (a person carries a file). Default true. */
  readonly losesAnswers?: boolean;
  /** False where a second content under the same id cannot be offered at all. Default true. */
  readonly comparesContent?: boolean;
}

const never = new AbortController().signal;

/** What every transport must do (delivery.md §1.3, §1.4, §1.6); one line per implementation. */
export function platformContract(name: string, start: () => Promise<FarEnd>, abilities: Abilities = {}): void {
  describe(`a platform over ${name}`, () => {
    test('takes a batch in, word for word, and accepts every record', async () => {
      const { far, platform, batch } = await begin(start);
      const verdicts = await settle(far, platform, batch, await platform.send(batch, never));
      expect(verdicts.map(({ idemKey, outcome }) => [idemKey, outcome])).toEqual(
        batch.idemKeys.map((key) => [key, 'accepted']),
      );
      const held = await far.held();
      expect(held.map(({ rowId, op, times }) => ({ rowId, op, times }))).toEqual(
        batch.idemKeys.toSorted().map((rowId) => ({ rowId, op: 'U', times: 1 })),
      );
      expect(held.map(({ data }) => canonicalJson(data)).toSorted()).toEqual(
        batch.idemKeys.map((_, index) => canonicalJson(licence(index))).toSorted(),
      );
    });

    testIf(abilities.losesAnswers)('is asked for an answer that was lost, and has one effect', async () => {
      const { far, platform, batch } = await begin(start);
      await far.loseAnswer();
      const sent = await platform.send(batch, never);
      expect(sent.outcome).toBe('unknown');
      const verdicts = await settle(far, platform, batch, await platform.query(batch, never));
      expect(verdicts.map(({ outcome }) => outcome)).toEqual(batch.idemKeys.map(() => 'accepted'));
      expect((await far.held()).map(({ times }) => times)).toEqual(batch.idemKeys.map(() => 1));
    });

    testIf(abilities.tellsAbsent)('a batch that never came is absent; sent again it has one effect', async () => {
      const { far, platform, batch } = await begin(start);
      await far.loseBatch();
      const lost = await platform.send(batch, never);
      expect(['unknown', 'not-sent']).toContain(lost.outcome);
      expect((await platform.query(batch, never)).outcome).toBe('absent');
      expect(await far.held()).toEqual([]);
      await settle(far, platform, batch, await platform.send(batch, never));
      expect((await far.held()).map(({ times }) => times)).toEqual(batch.idemKeys.map(() => 1));
    });

    test('a batch that comes twice has one effect', async () => {
      const { far, platform, batch } = await begin(start);
      await settle(far, platform, batch, await platform.send(batch, never));
      const again = await platform.send(batch, never);
      const after = again.outcome === 'unknown' ? await platform.query(batch, never) : again;
      const verdicts = await settle(far, platform, batch, after);
      expect(verdicts.map(({ outcome }) => outcome)).toEqual(batch.idemKeys.map(() => 'accepted'));
      expect((await far.held()).map(({ times }) => times)).toEqual(batch.idemKeys.map(() => 1));
    });

    test('a rejected record comes back with code and reason, the others are accepted', async () => {
      const { far, platform, batch } = await begin(start);
      const [, poison = ''] = batch.idemKeys;
      await far.reject(poison, 'NAME_MISMATCH', '名称与登记不符 <a&b>');
      const verdicts = await settle(far, platform, batch, await platform.send(batch, never));
      const rejected = verdicts.filter(({ outcome }) => outcome === 'rejected');
      expect(rejected).toMatchObject([{ idemKey: poison, code: 'NAME_MISMATCH', reason: '名称与登记不符 <a&b>' }]);
      expect(verdicts).toHaveLength(batch.idemKeys.length);
    });

    test('a withdrawal arrives as one', async () => {
      const { far, platform, batch, seal } = await begin(start);
      await settle(far, platform, batch, await platform.send(batch, never));
      const withdrawal = await seal({ op: 'D', version: 2, count: 1 });
      const verdicts = await settle(far, platform, withdrawal, await platform.send(withdrawal, never));
      expect(verdicts).toMatchObject([{ idemKey: withdrawal.idemKeys[0], outcome: 'accepted' }]);
      const held = await far.held();
      expect(held.find(({ rowId }) => rowId === withdrawal.idemKeys[0])).toMatchObject({ op: 'D', times: 1 });
    });

    testIf(abilities.comparesContent)(
      'other content under the same id is a conflict, and the first stays',
      async () => {
        const { far, platform, batch, seal } = await begin(start);
        await settle(far, platform, batch, await platform.send(batch, never));
        const other = await seal({ data: (index) => ({ ...licence(index), XK_ZT: '2' }) });
        expect(other.batchId).toBe(batch.batchId);
        const answers: string[] = [
          (await platform.send(other, never)).outcome,
          (await platform.query(other, never)).outcome,
        ];
        expect(answers).toContain('conflict');
        expect(answers).not.toContain('answered');
        expect((await far.held()).map(({ data }) => data['XK_ZT'])).toEqual(batch.idemKeys.map(() => '1'));
      },
    );

    test('a stop before anything left throws: there is no answer to judge', async () => {
      const { far, platform, batch } = await begin(start);
      await expect(platform.send(batch, AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
      expect(await far.held()).toEqual([]);
    });
  });
}

/** What a transport cannot do is no test of it, rather than one left out. */
const testIf =
  (able: boolean | undefined) =>
  (title: string, work: () => Promise<void>): void => {
    if (able !== false) test(title, work);
  };

async function begin(start: () => Promise<FarEnd>) {
  const far = await start();
  const platform = await far.open();
  onTestFinished(() => platform.close());
  const wire = wireFormOf(far.spec);
  const seal = (given: BatchGiven): Promise<OutgoingBatch> => sealedBatch({ wire, ...given });
  return { far, platform, seal, batch: await seal({}) };
}

/** What lies ready for people to carry waits under `unknown`. */
const isOpen = (outcome: string, { carried }: Platform): boolean =>
  outcome === 'received' || (carried === true && outcome === 'unknown');

/** Rounds of asking and working until every record has its verdict. */
async function settle(
  far: FarEnd,
  platform: Platform,
  batch: OutgoingBatch,
  first: Answer | QueryAnswer,
): Promise<readonly Verdict[]> {
  let answer = first;
  for (let round = 0; round < 5 && isOpen(answer.outcome, platform); round += 1) {
    await far.work();
    answer = await platform.query(batch, never);
  }
  if (answer.outcome !== 'answered')
    throw new Error(`not answered: ${JSON.stringify({ ...answer, evidence: undefined })}`);
  return answer.verdicts;
}
