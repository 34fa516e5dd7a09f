import { readCreditCode } from '../rules/credit-code.ts';
import { readDocumentNumber } from '../rules/document-number.ts';
import { readLicenceNumber } from '../rules/licence-number.ts';
import { readName } from '../rules/name.ts';

/** What one line of text may stand for in the ledger; every spelling that the hub itself would have stored. */
export interface LedgerTerms {
  /** Hex digits that a record key begins with. */
  readonly key: string | undefined;
  readonly creditCodes: readonly string[];
  /** Licence and document numbers. */
  readonly numbers: readonly string[];
  readonly names: readonly string[];
  /** What a batch id begins with. */
  readonly batch: string | undefined;
  readonly receipt: string;
  /** `2026-W48` or `2026-11`. */
  readonly period: string | undefined;
}

/** Reads a question to the ledger by the rules that records go through on their way in: width, case, blanks, kinds of brackets. */
export function ledgerTerms(raw: string): LedgerTerms {
  const text = raw.trim();
  const lower = text.toLowerCase();
  return {
    key: /^[0-9a-f]{8,64}$/.test(lower) ? lower : undefined,
    creditCodes: distinct([text, readCreditCode(text).value]),
    numbers: distinct([text, readLicenceNumber(text).value, readDocumentNumber(text).value]),
    names: distinct(spellings(text)),
    batch: /^[a-z2-7]{8,40}$/.test(lower) ? lower : undefined,
    receipt: text,
    period: /^\d{4}-(?:W\d{2}|\d{2})$/.test(text.toUpperCase()) ? text.toUpperCase() : undefined,
  };
}

const distinct = (texts: readonly (string | undefined)[]): string[] =>
  [...new Set(texts.filter((text) => text !== undefined && text !== ''))] as string[];

/** Names are kept as registered, brackets and all; nobody who asks remembers of which width they were. */
function spellings(text: string): (string | undefined)[] {
  const name = readName(text).value;
  const joined = name?.replace(/\s/g, '');
  const half = joined?.replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  const wide = half?.replace(/\(/g, '（').replace(/\)/g, '）');
  return [text, name, joined, half, wide];
}
