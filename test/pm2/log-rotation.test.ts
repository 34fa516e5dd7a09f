import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openTrace } from '../../src/trace.ts';

test('the run log starts a new file by itself after 20 MB, and no line is lost', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hub-rotation-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const trace = openTrace({ dir, level: 'info', console: 'off' });
  const filler = 'x'.repeat(1000);
  for (let line = 0; line < 21_000; line += 1) trace.info('filled', { line, filler });
  await trace.close();
  const files = (): string[] => readdirSync(dir).filter((name) => name.startsWith('trace-'));
  expect(files().length).toBeGreaterThan(1);
  // The file that was left behind is written to its end in the background.
  await vi.waitFor(() => {
    const lines = files().flatMap((name) => readFileSync(join(dir, name), 'utf8').trim().split('\n'));
    const numbers = lines.map((line) => (JSON.parse(line) as { readonly line: number }).line);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 21_000 }, (_, line) => line));
  }, 10_000);
});
