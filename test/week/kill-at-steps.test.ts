import { expect, test } from 'vitest';
import { onBothDatabases } from '../support/databases.ts';
import { expectNothingLostOrDoubled, good, week } from './week.ts';

onBothDatabases('a week on', ({ name, url }) => {
  const points =
    name === 'SQLite'
      ? ['S0-read:2', 'S1-kept:1', 'S2-sealed:1', 'S3-intent:2', 'S4-sent:1', 'S5-answered:2', 'S6-settled:3']
      : ['S1-kept:2', 'S3-intent:1', 'S4-sent:2'];

  test('kill -9 at every step, then a restart, loses and doubles nothing', async () => {
    const w = await week(await url());
    for (const point of points) {
      const { signal, stderr } = await w.run({ env: { HUB_FAILPOINT: point } });
      expect({ point, signal, stderr }).toEqual({ point, signal: 'SIGKILL', stderr: '' });
      await w.sandbox.advance(1);
    }
    await w.sandbox.mend();
    good(await w.run());
    await expectNothingLostOrDoubled(w);
  }, 120_000);
});
