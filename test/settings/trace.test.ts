import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { encodeTraceLine, openTrace } from '../../src/trace.ts';

it('writes one JSON line per event into a file of the day, once closed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hub-trace-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const trace = openTrace({ dir, level: 'info', console: 'off' });
  trace.info('run.start', { run: 7, job: 'pull-x' });
  trace.debug('not.wanted');
  trace.warn('run.end', { run: 7, quarantined: { CREDIT_CODE_CHECK_WRONG: 2 } });
  await trace.close();
  const file = readdirSync(dir).find((name) => /^trace-\d{4}-\d\d-\d\d\.log$/.test(name));
  const lines = readFileSync(join(dir, file ?? ''), 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'info', message: 'run.start', run: 7, job: 'pull-x' },
    { level: 'warn', message: 'run.end', quarantined: { CREDIT_CODE_CHECK_WRONG: 2 } },
  ]);
});

it('lets nothing break out of its line, colour it or turn it round', () => {
  const nasty = 'a\r\nb\u001b[31m\u202egnp.exe\u2028c\u0085d\u200be';
  const line = encodeTraceLine({ message: nasty });
  expect(line).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(line)).toEqual({ message: nasty });
});

it('hides tokens, passwords in addresses and known secrets', () => {
  const line = encodeTraceLine(
    { accessToken: 'canary-1', error: 'connect mysql://hub:canary-2@db/x failed', message: 'header was canary-3"x' },
    ['canary-3"x'],
  );
  expect(line).not.toMatch(/canary/);
  expect(JSON.parse(line)).toMatchObject({ error: 'connect mysql://hub:***@db/x failed' });
});
