import { canonicalJson, sha256, sha256Bytes } from './canonical.ts';
import type { JsonObject } from './json.ts';

/** UPSERT: the record as it now is. WITHDRAW: it must no longer be shown (撤销、注销、信用修复、错误更正). */
export type Operation = 'UPSERT' | 'WITHDRAW';

/**
 * A unified record: what the library keeps, whatever bureau it came from. Its shape is the JSON Schema of its type
 * (schemas/licence, schemas/penalty, schemas/enterprise). `revisedAt`, where the bureau says it, is the local time
 * (Asia/Shanghai) of its last change.
 */
export type UnifiedRecord = JsonObject;

/** `record_key = SHA-256(JCS([record_type, issuing_authority, natural_key]))`, 32 bytes (delivery.md §1.1, T14). */
export const recordKey = (type: string, authority: string, naturalKey: readonly string[]): Buffer =>
  sha256Bytes(canonicalJson([type, authority, naturalKey]));

/** Lower-case hex SHA-256 over the operation and the canonical record; `revisedAt` alone does not make a version. */
export function contentDigest(operation: Operation, record: UnifiedRecord): string {
  const { revisedAt: _, ...content } = record;
  return sha256(`${operation}\n${canonicalJson(content)}`);
}
