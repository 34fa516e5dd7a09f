import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { sha256Bytes } from '../canonical.ts';

/** Signature type identifier of C2SP signed-note: Ed25519. */
const ED25519 = 0x01;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** C2SP: at least 16 must be accepted; more are refused. */
const MOST_SIGNATURES = 16;

/** A public key that signs notes: what a vkey says. */
export interface NoteKey {
  readonly name: string;
  /** Four bytes that with the name tell keys apart. */
  readonly id: Buffer;
  readonly key: KeyObject;
  /** The vkey text itself. */
  readonly vkey: string;
}

/** A key that signs. */
export interface NoteSigner extends NoteKey {
  readonly secret: KeyObject;
}

// Fixed heads of the DER encodings of an Ed25519 key (RFC 8410).
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Key names: not empty, no Unicode space, no plus. */
export const isKeyName = (name: string): boolean => /^[^\s+\p{Cc}]+$/u.test(name) && name.isWellFormed();

function noteKey(name: string, raw: Buffer): NoteKey {
  const typed = Buffer.concat([Buffer.of(ED25519), raw]);
  const id = sha256Bytes(Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, 4);
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: 'der', type: 'spki' });
  return { name, id, key, vkey: `${name}+${id.toString('hex')}+${typed.toString('base64')}` };
}

/** Reads `<name>+<id>+<base64>`; undefined where it is no vkey, where its id is not that of its key, or its algorithm is unknown. */
export function readVkey(text: string): NoteKey | undefined {
  const [name, id, base64, ...more] = text.trim().split('+');
  const typed = strictBase64([base64, ...more].join('+'));
  if (name === undefined || id === undefined || typed === undefined || !isKeyName(name)) return undefined;
  if (typed.length !== 1 + KEY_BYTES || typed[0] !== ED25519) return undefined;
  const key = noteKey(name, typed.subarray(1));
  return key.id.toString('hex') === id ? key : undefined;
}

const SECRET_HEAD = 'PRIVATE+KEY+';

/** A signer from 32 secret bytes. */
export function signerOf(name: string, seed: Uint8Array): NoteSigner {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
  return { ...noteKey(name, raw), secret };
}

/** `PRIVATE+KEY+<name>+<id>+<base64(0x01 ‖ seed)>`: one line, as other tools for signed notes write it. */
export function secretText({ name, id, secret }: NoteSigner): string {
  const seed = secret.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_HEAD.length);
  const typed = Buffer.concat([Buffer.of(ED25519), seed]);
  return `${SECRET_HEAD}${name}+${id.toString('hex')}+${typed.toString('base64')}`;
}

export function readSecret(text: string): NoteSigner | undefined {
  if (!text.startsWith(SECRET_HEAD)) return undefined;
  const [name = '', id, ...rest] = text.slice(SECRET_HEAD.length).trim().split('+');
  const typed = strictBase64(rest.join('+'));
  if (!isKeyName(name) || typed?.length !== 1 + KEY_BYTES || typed[0] !== ED25519) return undefined;
  const signer = signerOf(name, typed.subarray(1));
  return signer.id.toString('hex') === id ? signer : undefined;
}

/** `text` ends in LF. The signatures follow an empty line, one a line. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const lines = signers.map(({ name, id, secret }) => {
    const signature = sign(null, Buffer.from(text), secret);
    return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: Buffer;
  readonly signature: Buffer;
}

/** A note taken apart, nothing verified. */
export interface Note {
  /** With its last LF. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Takes a signed note apart; says what is wrong with its form. */
export function readNote(note: string): Note | { readonly wrong: string } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) return { wrong: 'a control character, such as CR, in the note' };
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return { wrong: 'no signature lines after an empty line' };
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return { wrong: `${lines.length} signatures, at most ${MOST_SIGNATURES}` };
  const signatures = lines.map(readSignature);
  const bad = signatures.indexOf(undefined);
  if (bad >= 0) return { wrong: `signature line ${bad + 1} is malformed` };
  return { text: note.slice(0, end + 1), signatures: signatures.filter((one) => one !== undefined) };
}

function readSignature(line: string): NoteSignature | undefined {
  const [, name, base64] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
  const bytes = strictBase64(base64 ?? '');
  if (name === undefined || !isKeyName(name) || bytes === undefined || bytes.length <= 4) return undefined;
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Names of the keys that signed it; says why where no known key did, or a known one's signature is wrong. */
export function verifyNote(
  { text, signatures }: Note,
  keys: readonly NoteKey[],
): { readonly signedBy: readonly NoteKey[] } | { readonly wrong: string } {
  const signedBy: NoteKey[] = [];
  for (const { name, id, signature } of signatures) {
    const key = keys.find((known) => known.name === name && known.id.equals(id));
    if (key === undefined) continue;
    if (signature.length !== SIGNATURE_BYTES || !verify(null, Buffer.from(text), key.key, signature))
      return { wrong: `the signature of ${name}+${id.toString('hex')} does not verify` };
    signedBy.push(key);
  }
  if (signedBy.length > 0) return { signedBy };
  const told = signatures.map(({ name, id }) => `${name}+${id.toString('hex')}`).join(', ');
  return { wrong: `signed by ${told}, none of the known keys` };
}

/** Standard base64 with padding, and no other spelling of the same bytes. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
