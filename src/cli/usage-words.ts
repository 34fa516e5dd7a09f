/** Commander's own sentences in Chinese; what follows in the pattern's groups stays as it is. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^unknown option '(.+)'/, '没有选项 $1'],
  [/^unknown command '(.+)'/, '没有命令 $1'],
  [/^required option '(.+)' not specified/, '缺少选项 $1'],
  [/^missing required argument '(.+)'/, '缺少参数 $1'],
  [/^option '(.+)' argument missing/, '选项 $1 缺少值'],
  [/^option '(.+)' argument '(.*)' is invalid\. Allowed choices are (.+)\./, '选项 $1 的值 $2 不对，可写 $3'],
  [/^option '(.+)' argument '(.*)' is invalid\. /, '选项 $1 的值 $2 不对：'],
  [
    /^command-argument value '(.*)' is invalid for argument '(.+)'\. Allowed choices are (.+)\./,
    '参数 $2 的值 $1 不对，可写 $3',
  ],
  [/^command-argument value '(.*)' is invalid for argument '(.+)'\.(?= )/, '参数 $2 的值 $1 不对：'],
  [/^too many arguments.*/, '参数太多'],
];

/** `用法不对：…`, with the English sentence behind it. */
export function usageWords(text: string): string {
  const sentence = text.replace(/^error: /, '').trimEnd();
  const [first = '', ...others] = sentence.split('\n');
  const known = WORDS.find(([pattern]) => pattern.test(first));
  const zh = known === undefined ? undefined : first.replace(known[0], known[1]);
  // A value that a command itself refused has its sentence, in both languages, behind commander's.
  const both = zh === undefined ? first : zh.includes('不对：') ? zh : `${zh} (${first})`;
  return `${[`用法不对 (wrong usage): ${both}`, ...others.map(meant)].join('\n')}\n`;
}

const meant = (line: string): string => line.replace(/^\(Did you mean (.+)\?\)$/, '是否想写 $1？ (did you mean $1?)');
