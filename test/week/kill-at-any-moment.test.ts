import { test } from 'vitest';
import { onBothDatabases } from '../support/databases.ts';
import { expectNothingLostOrDoubled, good, platforms, week } from './week.ts';

onBothDatabases('a week on', ({ name, url }) => {
  test('kill -9 at any moment, with a platform that loses, drops and rejects, loses and doubles nothing', async () => {
    const w = await week(await url());
    const steps = [
      { answer: 'lose' as const },
      { answer: 'drop' as const },
      { answer: 'reject' as const, ratio: 0.05 },
      { answer: 'busy' as const },
    ];
    const rounds = name === 'SQLite' ? 4 : 2;
    for (let round = 0; round < rounds; round += 1) {
      for (const platform of platforms)
        w.sandbox.platforms[platform].setScript({ steps, otherwise: { answer: 'accept' } });
      await w.run({ killAfterMs: 900 + round * 350 });
      await w.sandbox.advance(1);
    }
    for (const platform of platforms)
      w.sandbox.platforms[platform].setScript({ steps: [], otherwise: { answer: 'accept' } });
    await w.run();
    good(await w.run());
    await expectNothingLostOrDoubled(w);
  }, 120_000);
});
