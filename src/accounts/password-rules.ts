import popular from 'popular-passwords/data.json' with { type: 'json' };

const LEAST = 8;
const MOST = 128;

/** What people around here choose most, beside the 41,000 of the list. */
const LOCAL =
  /^(woaini|woaiwojia|a{0,3}123456|admin|guangxi|nanning|zhengxin|xinwenchuban)\d*[.!@#]?$|^(520|1314|5201314|666|888)+$/;

/** What people make passwords of when they make them up quickly. */
const COMMON_PARTS =
  /password|passwd|passw0rd|pass|p@ss(?:w[o0]rd)?|pwd|weak|strong|secret|welcome|changeme|change|letmein|login|admin(?:istrator)?|root|user|test|demo|temp|guest|hello|love|computer|internet|qwerty?|asdf(?:gh)?|zxcv(?:bn)?|qazwsx|abcd?|mima|kouling|woaini|nihao|xinxi|zhongxin|guangxi|nanning|zhengxin|hub|chuban|xinwen|guangbo|dianshi|(?:19|20)\d\d|(?:0?123|1234|2345|3456|4567|5678|6789|7890)\d*|1314|520/g;

/** From here on a sentence may have common words in it. */
const SENTENCE = 15;

/**
 * Why a password may not be used, or nothing. At least 8 characters, up to 128 and of any kind (OWASP ASVS 5.0, 6.2.1–6.2.5: no rules of
 * composition), none of the common ones, and, as NIST SP 800-63B has it, none that is to be expected: a short one put together
 * from such words and little else. 15 characters are advised.
 */
export function passwordFault(
  password: string,
  account: string,
): { readonly zh: string; readonly en: string } | undefined {
  const length = [...password].length;
  if (length < LEAST)
    return { zh: `口令至少 ${LEAST} 个字符，建议 15 个以上`, en: `at least ${LEAST} characters, 15 are advised` };
  if (length > MOST) return { zh: `口令最多 ${MOST} 个字符`, en: `at most ${MOST} characters` };
  const plain = password.toLowerCase();
  if (isCommon(plain)) return { zh: '这是常见口令，请换一个', en: 'one of the common passwords; choose another' };
  if (new Set(plain).size < 4)
    return { zh: '字符太单一，请换一个', en: 'too few different characters; choose another' };
  if (plain.includes(account.toLowerCase()))
    return { zh: '口令不能含账户名', en: 'it must not contain the account name' };
  return undefined;
}

const isCommon = (plain: string): boolean => LOCAL.test(plain) || popular.includes(plain) || isExpected(plain);

function isExpected(plain: string): boolean {
  if ([...plain].length >= SENTENCE) return false;
  const rest = plain.replaceAll(COMMON_PARTS, '');
  return rest !== plain && [...rest.replaceAll(/[^\p{L}\p{N}]/gu, '')].length < 4;
}

/** Good enough to be taken, yet short: what to tell the person. */
export const isShort = (password: string): boolean => [...password].length < SENTENCE;
