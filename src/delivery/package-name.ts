/** What a file's name is made of; every part is our own, nothing comes from a record or from outside. */
export interface NameParts {
  readonly platform: string;
  /** `2026-W48`; null outside of a period. */
  readonly period: string | null;
  readonly seq: number;
  readonly batchId: string;
}

export const DEFAULT_NAME = '{platform}_{period}_{seq}_{batch_id8}.zip';

/** Fills a name pattern; the same batch always has the same name. Outside of a period `{period}` is `none`. */
export const packageName = (pattern: string, { platform, period, seq, batchId }: NameParts): string =>
  pattern
    .replaceAll('{platform}', platform)
    .replaceAll('{period}', period ?? 'none')
    .replaceAll('{seq}', String(seq).padStart(6, '0'))
    .replaceAll('{batch_id8}', batchId.slice(0, 8))
    .replaceAll('{batch_id}', batchId);

/** The name without its ending: receipts bear it too. */
export const baseName = (name: string): string => name.replace(/\.[^.]*$/, '');

const PARTS = ['{platform}', '{period}', '{seq}', '{batch_id8}', '{batch_id}'];

/** Why a pattern cannot be used: unknown parts, characters that a file's name should not have, or two batches with one name. */
export function nameFault(pattern: string, ending: string): { readonly zh: string; readonly en: string } | undefined {
  const rest = PARTS.reduce((text, part) => text.replaceAll(part, ''), pattern);
  if (rest.includes('{') || rest.includes('}')) {
    return { zh: `只能用 ${PARTS.join(' ')}`, en: `only ${PARTS.join(' ')} can stand in braces` };
  }
  if (!/^[A-Za-z0-9._\-\p{Script=Han}]*$/u.test(rest) || /^\.|\.\./.test(pattern)) {
    return {
      zh: '文件名只能用字母、数字、汉字和 . _ -，不能有目录',
      en: 'letters, digits, Han characters and . _ - only, and no folders',
    };
  }
  if (!pattern.endsWith(ending)) return { zh: `应以 ${ending} 结尾`, en: `must end with ${ending}` };
  if (/\{batch_id8?\}/.test(pattern)) return undefined;
  return {
    zh: '须含 {batch_id8} 或 {batch_id}，否则不同批次可能重名',
    en: 'must hold {batch_id8} or {batch_id}, else two batches could have one name',
  };
}
