import popular from 'popular-passwords/data.json' with { type: 'json' };

const LEAST = 8;
const MOST = 128;

/** What people around here choose most, beside the 41,000 of the list. */
const LOCAL =
  /^(woaini|woaiwojia|a{0,3}123456|admin|guangxi|nanning|zhengxin|xinwenchuban)\d*[.!@#]?$|^(520|1314|5201314|666|888)+$/;

/** Why a password may not be used, or nothing. At least 8 characters, up to 128, none of the common ones; 15 are advised. */
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

const isCommon = (plain: string): boolean => LOCAL.test(plain) || popular.includes(plain);
