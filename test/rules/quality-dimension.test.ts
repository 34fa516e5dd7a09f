import { expect, test } from 'vitest';
import { qualityDimension } from '../../src/rules/quality-dimension.ts';

test.each([
  ['FIELD_MISSING', '完整性'],
  ['PLATFORM_MISSING_REQUIRED', '完整性'],
  ['RECORD_AMBIGUOUS', '冗余性'],
  ['RECORD_STALE', '及时性'],
  ['PLATFORM_SUBJECT_NOT_FOUND', '关联性'],
  ['PLATFORM_NAME_MISMATCH', '关联性'],
  ['CREDIT_CODE_CHECK_WRONG', '准确性'],
  ['VALIDITY_REVERSED', '准确性'],
  ['DATE_UNREADABLE', '规范性'],
  ['FIELD_TOO_LONG', '规范性'],
])('%s offends %s', (code, dimension) => {
  expect(qualityDimension(code)).toBe(dimension);
});
