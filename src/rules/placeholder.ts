const WORDS = new Set(
  '无 暂无 没有 未知 不详 空 空白 未填 未填写 待定 待补 待补充 / // \\ - -- --- — —— _ * ** . 。 ? ？ n/a na n.a. nil none null undefined #n/a #null! nan'.split(
    ' ',
  ),
);

/** What a filler can begin with, wide forms and blanks included: the quick way out for nearly all values. */
const FIRST = new Set(
  [...' \t\n\r\u3000\ufeff无暂没未不空待/\\-_*.?#nN0—。', ...'／＼－＿＊．？＃ｎＮ０'].map((c) => c.charCodeAt(0)),
);

/** Whether a cell was filled only because it could not stay empty: 无, /, -, 暂无, N/A, 000… (domain: data-quality catalogue). */
export function isPlaceholder(text: string): boolean {
  if (text.length > 18 || !FIRST.has(text.charCodeAt(0))) return false;
  const word = text.trim();
  if (word.length <= 9 && (WORDS.has(word) || WORDS.has(word.normalize('NFKC').toLowerCase()))) return true;
  return word.length >= 4 && (word.startsWith('0') || word.startsWith('０')) && /^[0０]+$/.test(word);
}
