import { addDays } from '../calendar/day.ts';
import { instantAt } from '../calendar/local-time.ts';
import { canonicalJson, sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { JsonObject } from '../json.ts';

/** What a person wants a platform to be given again, in the words of the command. */
export interface Selection {
  readonly platform: string;
  /** Record types or patterns (`licence/*`); empty: everything that the platform takes. */
  readonly types: readonly string[];
  /** Record keys, numbers, credit codes or names; empty: all records. */
  readonly keys: readonly string[];
  /** Local days, both inclusive: when the newest version was taken in. */
  readonly since?: string;
  readonly until?: string;
  readonly failedOnly: boolean;
  /** What the platform has accepted already is given once more. */
  readonly again: boolean;
}

/** The same words in another order are the same selection. */
export function selectionJson({ platform, types, keys, since, until, failedOnly, again }: Selection): JsonObject {
  return {
    platform,
    types: [...new Set(types)].toSorted(),
    keys: [...new Set(keys)].toSorted(),
    since: since ?? null,
    until: until ?? null,
    failedOnly,
    again,
  };
}

export const selectionDigest = (selection: Selection): string => sha256(canonicalJson(selectionJson(selection)));

/** Local days as UTC instants; the last day counts whole. */
export function spanOf(
  { since, until }: Selection,
  zone: string,
): { readonly from?: string; readonly before?: string } {
  if (since !== undefined && until !== undefined && since > until) throw wrongSpan();
  const midnight = (day: string): string => instantAt(day, '00:00', zone).toISOString();
  return {
    ...(since === undefined ? {} : { from: midnight(since) }),
    ...(until === undefined ? {} : { before: midnight(addDays(until, 1)) }),
  };
}

const wrongSpan = (): HubError =>
  new HubError('USAGE_SPAN', '--since 晚于 --until (--since is later than --until)', {
    remedy: 'give-up',
    fix: '两端日期都含在内，请调换 (both days count; swap them)',
  });

/** Types of the platform that the words mean; throws for a word that means none. */
export function chosenTypes(words: readonly string[], taken: readonly string[]): readonly string[] {
  if (words.length === 0) return taken;
  const chosen = words.flatMap((word) => {
    const meant = word.endsWith('*')
      ? taken.filter((type) => type.startsWith(word.slice(0, -1)))
      : taken.filter((type) => type === word);
    if (meant.length > 0) return meant;
    throw new HubError('TYPE_UNKNOWN', `该平台没有类型 ${word} (the platform takes no type ${word})`, {
      remedy: 'give-up',
      fix: `可用 (there are): ${taken.join(', ')}`,
    });
  });
  return [...new Set(chosen)];
}
