import type { Fault } from '../fault.ts';
import type { Json, JsonObject } from '../json.ts';

/** Largest row, in bytes of its raw form; a longer one is a fault and its raw bytes are cut here. */
export const MAX_ROW_BYTES = 1_048_576;
/** Largest single text, in bytes (JSON) or UTF-16 units (elsewhere). */
export const MAX_FIELD_SIZE = 262_144;
export const MAX_COLUMNS = 1_000;

const SENTENCES = {
  ROW_SYNTAX_WRONG: ['这一行不是完整的 JSON,请来源单位重新导出', 'this line is not complete JSON: export it again'],
  ROW_NOT_OBJECT: [
    '这一行不是由字段组成的记录,请检查来源的 items 设置或报文',
    'this row is not an object with fields: check `items` or the answer',
  ],
  ROW_KEY_REPEATED: [
    '同一字段出现两次,无法判断以哪个为准,请业务系统只给一个',
    'a field appears twice: the bureau must send it once',
  ],
  ROW_KEY_FORBIDDEN: [
    '字段名 __proto__、constructor、prototype 不予接收,请改名',
    'field names __proto__, constructor and prototype are not taken: rename the field',
  ],
  ROW_TOO_DEEP: [
    '嵌套超过 32 层,请业务系统按约定的结构给出',
    'nested deeper than 32 levels: send the agreed structure',
  ],
  ROW_TOO_LARGE: [
    '这一行超过 1 MiB,请拆出附件或过长文本后重报',
    'the row is larger than 1 MiB: take attachments or overlong texts out',
  ],
  ROW_TOO_WIDE: ['字段超过 1000 个,请只给出约定的字段', 'more than 1,000 fields: send only the agreed ones'],
  ROW_COLUMNS_WRONG: [
    '列数与表头不符,请检查是否少填、多填或文本里有未加引号的分隔符',
    'the number of columns differs from the header: look for a missing cell or an unquoted separator',
  ],
  ROW_QUOTE_WRONG: [
    '引号不成对或位置不对,含引号的文本请整体加引号并把引号写两遍',
    'misplaced quote: wrap the text in quotes and double the quotes inside it',
  ],
  CELL_ERROR: [
    '单元格是公式错误(如 #N/A、#REF!),请改正公式后重新保存',
    'a cell holds a formula error (#N/A, #REF! …): mend the formula and save again',
  ],
  FIELD_TOO_LARGE: ['某个字段超过 256 KiB,请缩短', 'a field is larger than 256 KiB: shorten it'],
  FIELD_BINARY: [
    '某个字段是二进制内容,请在 columns 中去掉该列',
    'a field holds binary data: leave the column out of `columns`',
  ],
  TEXT_GARBLED: [
    '文本已成乱码(如“锟斤拷”“烫烫烫”或 U+FFFD),请业务系统更正原文后重报',
    'the text is garbled (锟斤拷, 烫烫烫 or U+FFFD): correct it in the bureau system',
  ],
  TEXT_SURROGATE_LONE: [
    '文本含不完整的 Unicode 字符,请业务系统更正',
    'the text holds half a Unicode character (lone surrogate): correct it in the bureau system',
  ],
  TEXT_NUL: ['文本含空字符 (NUL),请业务系统清除', 'the text holds a NUL character: remove it in the bureau system'],
} as const satisfies { readonly [code: string]: readonly [zh: string, en: string] };

export type RowFaultCode = keyof typeof SENTENCES;

/** A damaged row, said to the people who can mend it; `path` is the raw field where one is to blame. */
export function rowFault(code: RowFaultCode, path = ''): Fault {
  const [zh, en] = SENTENCES[code];
  return { code, level: 'error', path, zh, en };
}

/** Text that a wrong decoder left behind somewhere upstream (domain.md §10.10); such text is never stored. */
const GARBLED = /\ufffd|锟斤拷|烫烫烫/;

/** What is wrong with one text, if anything: half characters, NUL, mojibake, size. */
function textFaultCode(text: string): RowFaultCode | undefined {
  if (text.length > MAX_FIELD_SIZE) return 'FIELD_TOO_LARGE';
  if (!text.isWellFormed()) return 'TEXT_SURROGATE_LONE';
  if (text.includes('\0')) return 'TEXT_NUL';
  return GARBLED.test(text) ? 'TEXT_GARBLED' : undefined;
}

/** The same for every text inside a value, names of members included; each place is named. */
export function textFaults(value: Json, path = ''): readonly Fault[] {
  return isSuspect(value) ? placedFaults(value, path) : NONE;
}

const NONE: readonly Fault[] = [];

/** The quick answer for the many rows with nothing wrong. */
function isSuspect(value: Json): boolean {
  if (typeof value === 'string') return textFaultCode(value) !== undefined;
  if (value === null || typeof value !== 'object') return false;
  for (const [key, member] of Object.entries<Json>(value as JsonObject)) {
    if (isSuspect(member) || textFaultCode(key) !== undefined) return true;
  }
  return false;
}

function placedFaults(value: Json, path: string): Fault[] {
  if (typeof value === 'string') {
    const code = textFaultCode(value);
    return code === undefined ? [] : [rowFault(code, path)];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, member]: [string, Json]) => {
    const code = textFaultCode(key);
    const inner = placedFaults(member, path === '' ? key : `${path}.${key}`);
    return code === undefined ? inner : [rowFault(code, path), ...inner];
  });
}

/** A row whose only trouble is a garbled text still shows whose it is: its fields go with its ticket. */
export const isReadable = (faults: readonly Fault[]): boolean => faults.every(({ code }) => code === 'TEXT_GARBLED');
