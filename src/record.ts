import { sha256, sha256Bytes } from './canonical.ts';
import type { JsonObject } from './json.ts';

/** UPSERT: the record as it now is. WITHDRAW: it must no longer be shown (撤销、注销、信用修复、错误更正). */
export type Operation = 'UPSERT' | 'WITHDRAW';

/**
 * A unified record: what the library keeps, whatever bureau it came from. Its shape is the JSON Schema of its type
 * (schemas/licence, schemas/penalty, schemas/enterprise). `revisedAt`, where the bureau says it, is the local time
 * (Asia/Shanghai) of its last change.
 */
export type UnifiedRecord = JsonObject;

/**
 * `record_key = SHA-256(JCS([record_type, issuing_authority, natural_key]))`, 32 bytes (delivery.md §1.1, T14). Lists of texts
 * are written by JSON.stringify as RFC 8785 wants them. Throws RangeError on half characters (T11).
 */
export function recordKey(type: string, authority: string, naturalKey: readonly string[]): Buffer {
  if (!naturalKey.every((part) => part.isWellFormed())) throw new RangeError('lone surrogate in a record key');
  return sha256Bytes(JSON.stringify([type, authority, naturalKey]));
}

/** Lower-case hex SHA-256 over the operation and the canonical content, which has no `revisedAt`: a new date alone is no new version. */
export const contentDigest = (operation: Operation, content: string): string => sha256(`${operation}\n${content}`);
