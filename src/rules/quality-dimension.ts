/** 数据质量七维 (the press administration's drive of 2023); 全面性 is what reconciliation shows, no single record. */
export type QualityDimension = '完整性' | '规范性' | '冗余性' | '关联性' | '准确性' | '及时性';

const RULES: readonly (readonly [QualityDimension, RegExp])[] = [
  ['完整性', /_MISSING$|_EMPTY$|_INCOMPLETE$|_UNSAID$|MISSING_REQUIRED$/],
  ['冗余性', /DUPLICATE|_REPEATED$|_AMBIGUOUS$/],
  ['及时性', /_STALE$|_REVERTED$|_LATE$/],
  ['关联性', /_MISMATCHED$|_MISMATCH$|SUBJECT_NOT_FOUND$|_CONFLICT$|^AUTHORITY_|_MISPLACED$/],
  [
    '准确性',
    /CHECK_|_REVERSED$|_IN_FUTURE$|_IMPOSSIBLE$|_CONTRADICTED$|_NEGATIVE$|_AFTER_START$|_UNEXPECTED$|_DAMAGED$|_GARBLED$/,
  ],
];

/** Which of the dimensions a fault code offends; what is merely written wrongly is 规范性. */
export const qualityDimension = (code: string): QualityDimension =>
  RULES.find(([, pattern]) => pattern.test(code))?.[0] ?? '规范性';
