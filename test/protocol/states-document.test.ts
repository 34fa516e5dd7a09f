import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { batchArrows, isCurrent } from '../gate/draw-states.ts';

const audit = (name: string): string => readFileSync(join(import.meta.dirname, '../../src/audit', name), 'utf8');
const told = batchArrows.map(([from, event, to]) => `${from} ${event} ${to}`).sort();

describe('the state tables', () => {
  test('are drawn in docs/delivery-states.md as they stand (else: node test/gate/draw-states.ts)', () => {
    expect(isCurrent()).toBe(true);
  });

  test('are those of the format page that verifiers are written from', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/evidence-format.md'), 'utf8');
    const [, table = ''] = /\n\| from \| event → to \|\n\|[-|]+\|\n([\s\S]*?)\n\n/.exec(page) ?? [];
    const arrows = table.split('\n').flatMap((line) => {
      const [, from = '', cells = ''] = line.split('|').map((cell) => cell.trim());
      return from === '(none)' ? [] : cells.split(' · ').map((cell) => `${from} ${cell.replace(' → ', ' ')}`);
    });
    expect(arrows.sort()).toEqual(told);
  });

  test('are those of the verifier in JavaScript', () => {
    const [, list = ''] = /const ARROWS = new Map\(\s*`([^`]*)`/.exec(audit('verify.mjs')) ?? [];
    expect(
      list
        .split(',')
        .map((arrow) => arrow.trim().replace(/\s+/g, ' '))
        .sort(),
    ).toEqual(told);
  });

  test('are those of the verifier in Python', () => {
    const [, table = '{}'] = /\nTABLE = (\{[\s\S]*?\n\})/.exec(audit('verify.py')) ?? [];
    const read: { [from: string]: { [event: string]: string } } = JSON.parse(table.replace(/,(\s*\})/g, '$1'));
    const arrows = Object.entries(read).flatMap(([from, row]) =>
      Object.entries(row).map(([event, to]) => `${from} ${event} ${to}`),
    );
    expect(arrows.sort()).toEqual(told);
  });
});
