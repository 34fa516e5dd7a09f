import { createHmac } from 'node:crypto';

/** Seconds that one code stands for. */
const STEP_S = 30;
/** Steps before and after this one that a clock may be off. */
const DRIFT = 1;

/**
 * The seed of an account's authenticator, derived from HUB_SECRET_KEY: nothing of it is stored. A new generation, made at
 * every enrolment, is a new seed.
 */
export const totpSeed = (secretKey: string, account: { readonly name: string; readonly generation: number }): Buffer =>
  createHmac('sha256', secretKey.trim())
    .update(JSON.stringify(['hub-totp-v1', account.name, account.generation]))
    .digest()
    .subarray(0, 20);

/** RFC 6238 with HMAC-SHA-1, 30 s and six digits, as every authenticator app has it. */
export function totpCode(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', seed).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** The step that a code stands for, if it is about now and later than the last one used: a code has one use. */
export function stepOf(
  seed: Uint8Array,
  code: string,
  { now, after }: { readonly now: Date; readonly after: number },
): number | undefined {
  const current = Math.floor(now.getTime() / 1000 / STEP_S);
  const steps = Array.from({ length: 2 * DRIFT + 1 }, (_, index) => current - DRIFT + index);
  return steps.find((step) => step > after && totpCode(seed, step) === code.trim());
}
