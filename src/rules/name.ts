import { type Fault, fault, type Reading, read, refuse } from '../fault.ts';

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const GARBLED = /\ufffd|锟斤拷|烫烫烫/;
/** Compares as it stands. */
const PLAIN = /^[\u3400-\u4dbf\u4e00-\u9fff0-9a-z()·-]*$/;
const SUSPECT = /[^\u3400-\u4dbf\u4e00-\u9fff0-9A-Za-z（）()·]/;

/**
 * A person’s or organisation’s name as registered: only control and invisible characters and outer blanks go, with a note.
 * Width and brackets stay (NFKC would turn （集团） into (集团)). Letters lost in conversion: U+FFFD and 锟斤拷 are errors, `?` and
 * private-use characters are warnings.
 */
export function readName(raw: string): Reading<string> {
  if (!SUSPECT.test(raw) && !GARBLED.test(raw)) return raw === '' ? refuse(MISSING) : read(raw);
  const inside = raw.trim();
  const name = inside.replace(INVISIBLE, '').trim();
  if (name === '') return refuse(MISSING);
  const notes = name === inside ? [] : [CLEANED];
  if (GARBLED.test(name)) return refuse(DAMAGED, notes);
  return read(name, /[?？\p{Co}]/u.test(name) ? [...notes, DOUBTFUL] : notes);
}

/** What two spellings of one name have in common: no blanks, half-width brackets and letters, one middle dot, lower case. Never stored as a name. */
export function compareKey(name: string): string {
  if (PLAIN.test(name)) return name;
  return name.replace(VARIED, common).toLowerCase();
}

const VARIED = /[\p{Cc}\p{Cf}\s\uff01-\uff5e〔【﹝﹙{[〕】﹞﹚}\]•・‧∙⋅･]/gu;
const OPENING = '〔【﹝﹙{[';
const CLOSING = '〕】﹞﹚}]';
const DOTS = '•・‧∙⋅･';

/** Of a character that is written in several ways. */
function common(char: string): string {
  const code = char.charCodeAt(0);
  const narrow = code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : char;
  if (OPENING.includes(narrow)) return '(';
  if (CLOSING.includes(narrow)) return ')';
  if (DOTS.includes(narrow)) return '·';
  return narrow === char ? '' : narrow;
}

const CLEANED: Fault = fault(
  'note',
  'NAME_CLEANED',
  '名称中的换行、制表符或不可见字符已去掉；请在业务系统中同样改正',
  'line breaks, tabs or invisible characters in the name were removed; mend it in the bureau’s system too',
);

const DAMAGED: Fault = fault(
  'error',
  'NAME_DAMAGED',
  '名称含乱码（锟斤拷、烫烫烫或替换符），来源字符编码有误；请按正确编码重新导出',
  'the name holds characters lost in conversion; export it again in the right encoding',
);

const DOUBTFUL: Fault = fault(
  'warning',
  'NAME_DOUBTFUL',
  '名称含问号或自造字，可能是生僻字丢失；请对照营业执照或身份证件确认',
  'the name holds a question mark or a private-use character, perhaps a lost rare character; confirm it with the certificate',
);

const MISSING: Fault = fault(
  'error',
  'NAME_MISSING',
  '名称为空；请填写登记的全称',
  'the name is empty; fill in the registered full name',
);
