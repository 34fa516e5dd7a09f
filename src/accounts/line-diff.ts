/** One line of a comparison. */
export interface DiffLine {
  readonly mark: '-' | '+' | ' ';
  readonly text: string;
}

/** Lines of both texts in order, by longest common subsequence; between changes only `around` unchanged ones are kept. Pure. */
export function lineDiff(before: string, after: string, around = 2): readonly DiffLine[] {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const start = commonStart(old, fresh);
  const middle = between(old.slice(start), fresh.slice(start));
  const all = [...old.slice(0, start).map((text): DiffLine => ({ mark: ' ', text })), ...middle];
  return all.filter(
    (line, at) => line.mark !== ' ' || all.slice(Math.max(0, at - around), at + around + 1).some(isChange),
  );
}

const isChange = ({ mark }: DiffLine): boolean => mark !== ' ';

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

function commonStart(old: readonly string[], fresh: readonly string[]): number {
  const first = old.findIndex((text, at) => text !== fresh[at]);
  return first === -1 ? old.length : first;
}

function between(old: readonly string[], fresh: readonly string[]): DiffLine[] {
  const lengths = commonLengths(old, fresh);
  const lines: DiffLine[] = [];
  for (let [i, j] = [0, 0]; i < old.length || j < fresh.length; ) {
    const [mine = '', theirs = ''] = [old[i], fresh[j]];
    if (i < old.length && j < fresh.length && mine === theirs) {
      lines.push({ mark: ' ', text: mine });
      [i, j] = [i + 1, j + 1];
    } else if (i < old.length && (j >= fresh.length || at(lengths, i + 1, j) >= at(lengths, i, j + 1))) {
      lines.push({ mark: '-', text: mine });
      i += 1;
    } else {
      lines.push({ mark: '+', text: theirs });
      j += 1;
    }
  }
  return lines;
}

const at = (lengths: readonly Uint32Array[], i: number, j: number): number => lengths[i]?.[j] ?? 0;

/** Length of the longest common subsequence of what begins at i and at j. */
function commonLengths(old: readonly string[], fresh: readonly string[]): readonly Uint32Array[] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    const row = lengths[i] ?? new Uint32Array();
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      row[j] =
        old[i] === fresh[j] ? at(lengths, i + 1, j + 1) + 1 : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
    }
  }
  return lengths;
}
