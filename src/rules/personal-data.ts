import { type Fault, fault } from '../fault.ts';
import { looksLikeCitizenId, maskCitizenId } from './citizen-id.ts';
import { readCreditCode } from './credit-code.ts';
import { isRegistrationNumber } from './registration-number.ts';

export type PersonalDataKind = 'citizen-id' | 'mobile' | 'landline' | 'address';

export interface PersonalDatum {
  readonly kind: PersonalDataKind;
  /** UTF-16 offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** What may be shown instead: 450102********123X, 138****1234, 广西南宁市****. */
  readonly mask: string;
}

/**
 * Citizen ids, phone numbers and home addresses in free text that will be published (domain: privacy of natural persons). Credit
 * codes, registration numbers, licence and document numbers, amounts and times are not taken for them. In order of position, without overlaps.
 */
export function findPersonalData(text: string): readonly PersonalDatum[] {
  if (!SUSPECT.test(text)) return NOTHING;
  const plain = text.replace(WIDE, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  const found: PersonalDatum[] = [];
  if (plain.search(ID) >= 0) found.push(...citizenIds(plain));
  if (plain.search(MOBILE) >= 0) found.push(...mobiles(plain));
  if (plain.search(LANDLINE) >= 0) found.push(...landlines(plain));
  if (HOMELY.test(plain)) found.push(...addresses(plain));
  if (found.length === 0) return NOTHING;
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  let done = 0;
  return found.filter(({ start, end }) => {
    const free = start >= done;
    done = Math.max(done, end);
    return free;
  });
}

/** One fault of level `error` per kind: the text is not sent until it is mended, or released with a reason. */
export function personalDataFaults(text: string): readonly Fault[] {
  const found = findPersonalData(text);
  if (found.length === 0) return [];
  const faults: Fault[] = [];
  for (const [code, kinds, zh, en] of SENTENCES) {
    const masks = found.filter(({ kind }) => kinds.includes(kind)).map(({ mask }) => mask);
    if (masks.length > 0) faults.push(sentence({ code, zh, en }, [...new Set(masks)].slice(0, 3)));
  }
  return faults;
}

/** The text with everything that `findPersonalData` finds masked. */
export function maskPersonalData(text: string): string {
  let masked = '';
  let done = 0;
  for (const { start, end, mask } of findPersonalData(text)) {
    masked += text.slice(done, start) + mask;
    done = end;
  }
  return masked + text.slice(done);
}

/** 138****1234; landlines keep their area code and the last two digits. */
export function maskPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  if (/^(?:86)?1\d{10}$/.test(digits)) return `${digits.slice(-11, -8)}****${digits.slice(-4)}`;
  return `${digits.startsWith('0') ? digits.slice(0, 3) : ''}****${digits.slice(-2)}`;
}

const WIDE = /[０-９Ｘｘ－（）]/g;
const NOTHING: readonly PersonalDatum[] = Object.freeze([]);
const SUSPECT =
  /[0-9０-９][\s\-－]?[0-9０-９](?:[\s\-－()（）]*[0-9０-９]){5}|[住户居][址籍所居在于]|住[^宿房建院]|单元/;
/** A cheap look before the dear ones. */
const HOMELY = /[住户居]|单元/;
const ID = /(?<![0-9A-Za-z])(?:\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx]|\d{15})(?![0-9A-Za-z])/g;
const MOBILE = /(?<![0-9A-Za-z.])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9A-Za-z]|\.\d|\s?[元万亿号])/g;
const LANDLINE =
  /(?<![0-9A-Za-z.])(?:\(0\d{2,3}\)[ -]?|0(?:10|2\d|[3-9]\d{2})[ -]?)[2-9]\d{6,7}(?![0-9A-Za-z]|\.\d|\s?[元万亿号])|(?<=(?:电话|座机|联系方式|手机号?码?)[:：为是\s]{0,3})[2-9]\d{6,7}(?!\d)/g;
/** Words right before a number that make it the number of a document, a certificate or an account of things. */
const NUMBERED = /(?:第|[字编证文批]号?|编号|号码?为|许可证|代码|〕|\))[:：\s]*$/;
const PERSON_BEFORE = /(?:身份证|公民身份|证件)(?:件|明)?(?:号码?|号)?[:：为是\s(]*$/;
const PLACE = /^[^，,。；;！!？?\n]{0,60}?(?:[省市县区旗州盟镇乡村]|街道|[路街巷弄道里屯坊])[^，,。；;\n]{0,40}/;
const HOME =
  /(?:家庭住址|家庭地址|住址|户籍(?:所在地|地址|地)?|户口所在地|现居住?(?:地址?|于|在)?|居住(?:地址?|于|在)|现住(?:址|地|在|于)?|家住(?:在|于)?|暂住(?:地址?|于|在)?|(?<=[，,。；;、)\s生族人男女])住(?:在|于)?)(?!所)[:：为是系\s]*/g;
const FLAT =
  /[^\s，,。；;：:]{2,30}(?:\d+|[一二三四五六七八九十A-Z]+)(?:栋|幢|号楼|座)(?:[^，,。；;\s]{0,6}单元)[^，,。；;\s]{0,6}?\d{2,4}(?:室|房|号)/g;

function* citizenIds(text: string): Generator<PersonalDatum> {
  for (const match of text.matchAll(ID)) {
    const id = match[0].replace(/[ -]/g, '');
    if (!looksLikeCitizenId(id)) continue;
    const named = PERSON_BEFORE.test(text.slice(Math.max(0, match.index - 12), match.index));
    const otherwise = id.length === 15 ? isRegistrationNumber(id) : isCreditCode(id);
    if (named || !otherwise) yield datum('citizen-id', match, maskCitizenId(id));
  }
}

/** Sound to the last rule: codes with warnings are rarer than mistyped ids. */
const isCreditCode = (text: string): boolean => readCreditCode(text).faults.length === 0;

function* mobiles(text: string): Generator<PersonalDatum> {
  for (const match of text.matchAll(MOBILE)) {
    if (!isNumbered(text, match.index)) yield datum('mobile', match, maskPhone(match[0]));
  }
}

function* landlines(text: string): Generator<PersonalDatum> {
  for (const match of text.matchAll(LANDLINE)) {
    if (!isNumbered(text, match.index)) yield datum('landline', match, maskPhone(match[0]));
  }
}

const isNumbered = (text: string, start: number): boolean => NUMBERED.test(text.slice(Math.max(0, start - 8), start));

/** A home is named by a word for living there and a place; the 住所 of a company is public and no home. */
function* addresses(text: string): Generator<PersonalDatum> {
  for (const word of text.matchAll(HOME)) {
    const start = word.index + word[0].length;
    const place = PLACE.exec(text.slice(start, start + 100))?.[0];
    if (place !== undefined) yield { kind: 'address', start, end: start + place.length, mask: maskAddress(place) };
  }
  if (!text.includes('单元')) return;
  for (const match of text.matchAll(FLAT)) yield datum('address', match, maskAddress(match[0]));
}

/** Keeps what is above the street: 广西南宁市****. */
const maskAddress = (place: string): string => `${/^.{1,12}?[省市县区州盟]/.exec(place)?.[0] ?? ''}****`;

const datum = (kind: PersonalDataKind, match: RegExpExecArray, mask: string): PersonalDatum => ({
  kind,
  start: match.index,
  end: match.index + match[0].length,
  mask,
});

type SentenceRow = readonly [code: string, kinds: readonly PersonalDataKind[], zh: string, en: string];

const SENTENCES: readonly SentenceRow[] = [
  ['PERSONAL_DATA_ID_NUMBER', ['citizen-id'], '公民身份号码', 'a citizen id number'],
  ['PERSONAL_DATA_PHONE', ['mobile', 'landline'], '电话号码', 'a phone number'],
  ['PERSONAL_DATA_ADDRESS', ['address'], '家庭住址', 'a home address'],
];

const sentence = (what: { code: string; zh: string; en: string }, masks: readonly string[]): Fault =>
  fault(
    'error',
    what.code,
    `文字中含有${what.zh}（${masks.join('、')}）；请删去或隐去后重新提交，确需公开的说明理由后放行`,
    `the text holds ${what.en} (${masks.join(', ')}); remove or mask it, or release the record with a reason`,
  );
