/** `licence/*`, or one type's full name. */
export const matchesPattern = (pattern: string, type: string): boolean =>
  pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
