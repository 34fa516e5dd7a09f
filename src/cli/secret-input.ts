import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { wrongUsage } from './print.ts';

/**
 * Secrets never come as arguments, where `ps` and the shell's history show them: line by line from standard input, or
 * asked for on a terminal without being shown. The first `needed` lines must not be empty.
 */
export async function readSecrets(
  questions: readonly string[],
  fromStdin: boolean,
  needed = questions.length,
): Promise<readonly string[]> {
  if (fromStdin) return fromLines(await text(process.stdin), questions.slice(0, needed), questions.length);
  if (!process.stdin.isTTY) {
    throw wrongUsage(
      '没有终端可以输入口令',
      'there is no terminal to ask on',
      '加 --password-stdin，从标准输入逐行读取 (add --password-stdin)',
    );
  }
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: hidden, terminal: true });
  const answers: string[] = [];
  try {
    for (const question of questions) {
      process.stderr.write(`${question}: `);
      answers.push(await lines.question(''));
      process.stderr.write('\n');
    }
  } finally {
    lines.close();
  }
  return answers;
}

function fromLines(input: string, questions: readonly string[], most: number): readonly string[] {
  const lines = input.split(/\r?\n/);
  const more = lines.slice(most).filter((line) => line !== '').length;
  if (more > 0) throw tooMany(most, most + more);
  if (lines.length >= questions.length && lines.slice(0, questions.length).every((line) => line !== '')) {
    return lines.slice(0, most);
  }
  throw wrongUsage(
    `标准输入应有 ${questions.length} 行：${questions.join('；')}`,
    `standard input must have ${questions.length} lines`,
    '每行一项 (one line each)',
  );
}

/** A line more is a slip: a password typed twice, or another order of lines than was meant. */
const tooMany = (most: number, there: number) =>
  wrongUsage(
    `标准输入应最多 ${most} 行，却有 ${there} 行；什么都没有改动`,
    `standard input must have at most ${most} lines, there are ${there}; nothing was changed`,
    '每行一项，不要重复 (one line each, nothing twice)',
  );
