import { expect, test } from 'vitest';
import { lineDiff } from '../../src/accounts/line-diff.ts';

const said = (before: string, after: string, around?: number): string[] =>
  lineDiff(before, after, around).map(({ mark, text }) => `${mark}${text}`);

test('a changed line stands beside what it was, with its neighbours only', () => {
  const before = 'a\nb\nc\nd\ne\nf\n';
  expect(said(before, 'a\nb\nc\nD\ne\nf\n', 1)).toEqual([' c', '-d', '+D', ' e']);
  expect(said(before, before)).toEqual([]);
});

test('added, removed and moved lines are told apart', () => {
  expect(said('a\nc', 'a\nb\nc', 0)).toEqual(['+b']);
  expect(said('a\nb\nc', 'a\nc', 0)).toEqual(['-b']);
  expect(said('', 'new', 0)).toEqual(['+new']);
  expect(said('gone', '', 0)).toEqual(['-gone']);
  expect(said('a\nb', 'b\na', 0)).toEqual(['-a', '+a']);
});
