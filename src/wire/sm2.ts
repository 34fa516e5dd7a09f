import { sm2 } from 'sm-crypto-v2';

/** GB/T 32918.2: the user id that is signed with where nobody agreed on another one; node:crypto would take an empty one. */
const USER_ID = '1234567812345678';

/** SM2 with SM3 (GB/T 32918): r ‖ s, 128 hex digits. `privateKey`: 64 hex digits. */
export const signSm2 = (bytes: Uint8Array, privateKey: string): string =>
  sm2.doSignature(bytes, privateKey, { hash: true, userId: USER_ID });

/** `publicKey`: 130 hex digits, beginning with 04. False for anything that is no signature of these bytes by that key. */
export function verifySm2(bytes: Uint8Array, signature: string, publicKey: string): boolean {
  if (!/^[0-9a-f]{128}$/.test(signature)) return false;
  try {
    return sm2.doVerifySignature(bytes, signature, publicKey, { hash: true, userId: USER_ID });
  } catch {
    return false;
  }
}

export const newSm2Pair = (): { readonly privateKey: string; readonly publicKey: string } => sm2.generateKeyPairHex();
