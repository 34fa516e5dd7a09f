import type { Notice } from './alarm-state.ts';
import type { Finding } from './finding.ts';

/** What goes out over every channel; plain text, made harmless. */
export interface OutgoingText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Told {
  readonly finding: Finding;
  readonly notice: Notice | 'test';
  /** Local time, `2026-11-27 20:00`. */
  readonly since: string;
  /** Which hub speaks. */
  readonly hubId: string;
  readonly id: number;
}

const HEADS: { readonly [notice in Told['notice']]: readonly [zh: string, en: string] } = {
  first: ['告警', 'alarm'],
  exhausted: ['须人工处理', 'a person is needed'],
  recovered: ['已恢复（曾告警）', 'over; the alarm was'],
  test: ['测试', 'test'],
};

const ENDED = ['已了结', 'ended'] as const;

/** Chinese first: what happened, since when, what to do, the command. */
export function alarmText({ finding, notice, since, hubId, id }: Told): OutgoingText {
  const over = notice === 'recovered';
  const [zh, en] = over && finding.over !== undefined ? ENDED : HEADS[notice];
  const what = over ? (finding.over ?? finding) : finding;
  const lines = [
    `${zh} (${en}): ${what.zh}`,
    what.en,
    '',
    `自 (since): ${since}`,
    ...(over ? [] : [`处理 (what to do): ${finding.fixZh}`, finding.fixEn]),
    ...(over || finding.command === undefined ? [] : [`命令 (command): ${finding.command}`]),
    ...(over || id === 0 ? [] : [`知悉后可静音 (to silence it): hub alarm close ${id} --reason 原因`]),
    '',
    `—— 证信通 ${hubId}`,
  ];
  return outgoing(`[证信通] ${zh}：${what.zh}`, lines);
}

/** A subject of one line and a body of harmless lines, as text and as HTML. */
export function outgoing(subject: string, lines: readonly string[]): OutgoingText {
  const harmless = lines.map(oneLine);
  const html = harmless.map((line) => `<div>${line === '' ? '&nbsp;' : escapeHtml(line)}</div>`).join('\n');
  return {
    subject: cut(oneLine(subject), 120),
    text: `${harmless.join('\n')}\n`,
    html: `<!doctype html><meta charset="utf-8">\n${html}\n`,
  };
}

/** Control, bidi and invisible characters are shown as escapes: nothing breaks out of a header or a line (faults.md S17–S19). */
const oneLine = (text: string): string =>
  text.toWellFormed().replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;

const ENTITIES: { readonly [char: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
