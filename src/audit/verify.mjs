#!/usr/bin/env node
/**
 * Verifies an evidence pack of a delivery log, offline, without the hub. One file, Node 18 or newer, no dependencies.
 *
 *   node verify.mjs PACK --key VKEY [--key VKEY …] [--head FILE …] [--seen FILE | --no-seen] [--now INSTANT] [--json]
 *   node verify.mjs FILE.tlog-proof --key VKEY [--member FILE]
 *
 * PACK is the folder or the .zip. VKEY comes from the paper that was handed over, never from the pack. --head names saved
 * heads (checkpoint files). The newest head that verified is kept in --seen (default: <origin>.head in the working folder)
 * and must be extended by every later pack. Written from docs/evidence-format.md alone; verify.py is its independent twin.
 *
 * Exit: 0 good, 10 bad signature or unknown key, 11 fork, 12 gap, 13 stale, 14 illegal transition, 15 wrong content, 2 usage.
 */
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { inflateRawSync } from 'node:zlib';

// What is read is thrown away at once: a small nursery, or garbage of 100 MB stands about.
for (const flag of ['--max-semi-space-size=2', '--semi-space-growth-factor=1']) setFlagsFromString(flag);

const FORMAT = 'zhengxin-evidence-pack@1';
const FRESH_MS = 8 * 24 * 3_600_000;
/** Several at once: the first of these decides the exit code. */
const PRECEDENCE = [12, 10, 15, 11, 14, 13];
const MEANS = {
  10: '签名不对或公钥不符 (bad signature or unknown key)',
  11: '分叉 (fork)',
  12: '缺失 (gap)',
  13: '过期 (stale)',
  14: '非法状态 (illegal transition)',
  15: '内容不符 (wrong content)',
};

// ── hashing and trees (RFC 6962) ────────────────────────────────────────────────────────────────────────────────────

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const [LEAF, NODE, COMMIT] = [Buffer.of(0), Buffer.of(1), Buffer.of(2)];
const EMPTY_ROOT = sha256('');
const leafOf = (entry) => sha256(LEAF, entry);
const nodeOf = (left, right) => sha256(NODE, left, right);

/** Largest power of two below n, n ≥ 2. */
const splitPoint = (n) => 2 ** (31 - Math.clz32(n - 1));

/** MTH over leaf hashes, straight from the RFC. */
function rootOver(hashes) {
  if (hashes.length === 0) return EMPTY_ROOT;
  if (hashes.length === 1) return hashes[0];
  const k = splitPoint(hashes.length);
  return nodeOf(rootOver(hashes.slice(0, k)), rootOver(hashes.slice(k)));
}

/** Root that an inclusion proof leads to; undefined where it is too long or too short (RFC 6962 §2.1.1). */
function rootByProof(leaf, index, size, proof) {
  const rest = [...proof];
  const climb = (at, width) => {
    if (width === 1) return leaf;
    const k = splitPoint(width);
    const inner = at < k ? climb(at, k) : climb(at - k, width - k);
    const sibling = rest.shift();
    if (inner === undefined || sibling === undefined) return undefined;
    return at < k ? nodeOf(inner, sibling) : nodeOf(sibling, inner);
  };
  const root = index < size ? climb(index, size) : undefined;
  return rest.length === 0 ? root : undefined;
}

const TILE = 256;

/** `tile/0/x001/x234/067`, with `.p/<width>` for a partial one. */
function tilePath(folder, number, width) {
  let path = String(number % 1000).padStart(3, '0');
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  return `${folder}/${path}${width === TILE ? '' : `.p/${width}`}`;
}

/** Every tile of a level at a size: `{ number, width, path }`. */
function tilesOf(folder, size, level) {
  const count = Math.floor(size / TILE ** level);
  return Array.from({ length: Math.ceil(count / TILE) }, (_, number) => {
    const width = Math.min(TILE, count - number * TILE);
    return { number, width, path: tilePath(folder, number, width) };
  });
}

/** All hash tiles of the pack; a hash that is missing is undefined. */
function readTree(pack, size, report) {
  const levels = [];
  for (let level = 0; Math.floor(size / TILE ** level) > 0; level += 1) {
    const hashes = tilesOf(`tile/${level}`, size, level).flatMap((tile) => readTile(pack, tile, level, report));
    if (level > 0) compareLevels(levels[level - 1], hashes, level, report);
    levels.push(hashes);
  }
  return { size, levels };
}

function readTile(pack, { number, width, path }, level, report) {
  const bytes = read(pack, path, report);
  const first = number * TILE;
  if (bytes?.length === 32 * width) return Array.from({ length: width }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));
  if (bytes !== undefined)
    report(bytes.length < 32 * width ? 12 : 15, path, `${bytes.length} bytes, ${32 * width} expected`);
  else if (!pack.has(path))
    report(12, path, `this tile is missing (hashes ${first} to ${first + width - 1} of level ${level})`);
  return new Array(width).fill(undefined);
}

function compareLevels(below, hashes, level, report) {
  for (const [index, told] of hashes.entries()) {
    const part = below.slice(index * TILE, (index + 1) * TILE);
    if (told === undefined || part.includes(undefined)) continue;
    const made = rootOver(part);
    if (made.equals(told)) continue;
    const said = `its hashes give ${hex(made)}, hash ${index} of level ${level} says ${hex(told)}`;
    report(15, tilePath(`tile/${level - 1}`, index, TILE), said);
  }
}

/** Root of the first `size` leaves; undefined where hashes are missing. Subtrees of 256^n leaves come from higher tiles. */
function rootAt({ levels }, size) {
  const over = (from, to) => {
    const count = to - from;
    for (let level = levels.length - 1; level >= 0; level -= 1) {
      const unit = TILE ** level;
      if (count === unit && from % unit === 0) return levels[level][from / unit];
    }
    const k = largestPower(count);
    const [left, right] = [over(from, from + k), over(from + k, to)];
    return left === undefined || right === undefined ? undefined : nodeOf(left, right);
  };
  return size === 0 ? EMPTY_ROOT : over(0, size);
}

/** Largest power of two below n; n may be beyond 2^31. */
function largestPower(n) {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');

// ── the pack as files ───────────────────────────────────────────────────────────────────────────────────────────────

/** What keeps a pack from being opened at all. */
class Unreadable extends Error {}

/**
 * `{ names, doubled, has(name), read(name), digest(name) }`; the last two throw Unreadable where the bytes cannot be had, and
 * `digest` gives `{ length, sha256 }` without holding a large file whole.
 */
function openPack(path) {
  if (!existsSync(path)) throw new Unreadable('there is no such file or folder');
  const {
    names,
    doubled = [],
    read: readOne,
    digest,
  } = statSync(path).isDirectory() ? openFolder(path) : openZip(path);
  const known = new Set(names);
  const folders = new Map();
  for (const name of [...known].sort()) {
    const folder = /^[^/]+\/[^/]+\//.exec(name)?.[0];
    if (folder !== undefined) folders.set(folder, [...(folders.get(folder) ?? []), name]);
  }
  return {
    names: [...known].sort(),
    doubled,
    has: (name) => known.has(name),
    below: (folder) => folders.get(folder) ?? [],
    read: (name) => (known.has(name) ? readOne(name) : undefined),
    digest,
  };
}

function openFolder(root) {
  const names = [];
  const walk = (below) => {
    for (const item of readdirSync(join(root, below), { withFileTypes: true })) {
      const name = below === '' ? item.name : `${below}/${item.name}`;
      if (item.isDirectory()) walk(name);
      else names.push(name);
    }
  };
  walk('');
  const pathOf = (name) => join(root, ...name.split('/'));
  return { names, read: (name) => readFileSync(pathOf(name)), digest: (name) => digestFile(pathOf(name)) };
}

function digestFile(path) {
  const file = openSync(path, 'r');
  try {
    return digestPieces(file, 0, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

const piece = Buffer.alloc(65_536);

/** Length, SHA-256 and CRC-32 of a part of a file. */
function digestPieces(file, from, size) {
  const hash = createHash('sha256');
  let [length, crc] = [0, 0xffffffff];
  while (length < size) {
    const got = readSync(file, piece, 0, Math.min(piece.length, size - length), from + length);
    if (got === 0) break;
    const bytes = piece.subarray(0, got);
    hash.update(bytes);
    crc = crcOver(crc, bytes);
    length += got;
  }
  return { length, sha256: hash.digest(), crc: (crc ^ 0xffffffff) >>> 0 };
}

/** Reads the central directory; members are inflated one at a time, never more than they say they hold. */
function openZip(path) {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  let scratch = Buffer.alloc(65_536);
  const at = (position, length, again = false) => {
    const wanted = Math.max(0, Math.min(length, size - position));
    if (again && scratch.length < wanted) scratch = Buffer.alloc(2 * wanted);
    const bytes = again ? scratch.subarray(0, wanted) : Buffer.alloc(wanted);
    readSync(file, bytes, 0, bytes.length, position);
    return bytes;
  };
  const members = new Map();
  const doubled = [];
  for (const member of centralDirectory(at, size)) {
    if (members.has(member.name)) doubled.push(member.name);
    else if (!member.name.endsWith('/')) members.set(member.name, member);
  }
  process.once('exit', () => closeSync(file));
  return {
    names: members.keys(),
    doubled,
    read: (name) => readMember(at, members.get(name)),
    digest: (name) => digestMember(file, at, members.get(name)),
  };
}

function* centralDirectory(at, size) {
  const tailAt = Math.max(0, size - 65_557);
  const tail = at(tailAt, 65_557);
  const end = tail.lastIndexOf(Buffer.from('504b0506', 'hex'));
  // A workbook inside is a zip too: only an end that ends the file counts.
  if (end < 0 || tail.length < end + 22 || tail.length !== end + 22 + tail.readUInt16LE(end + 20))
    throw new Unreadable(`${size} bytes, and no end of a zip in them: the pack is cut short or is no zip`);
  let [length, start] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  let count = tail.readUInt16LE(end + 10);
  if (start === 0xffffffff || count === 0xffff || length === 0xffffffff) {
    const locator = at(tailAt + end - 20, 20);
    const wide = at(Number(locator.readBigUInt64LE(8)), 56);
    if (wide.length < 56 || wide.readUInt32LE(0) !== 0x06064b50) throw new Unreadable('its zip64 directory is missing');
    [count, length, start] = [32, 40, 48].map((offset) => Number(wide.readBigUInt64LE(offset)));
  }
  const directory = at(start, length);
  if (directory.length < length) throw new Unreadable('its zip directory is cut');
  for (let position = 0, n = 0; n < count; n += 1) {
    if (position + 46 > length || directory.readUInt32LE(position) !== 0x02014b50)
      throw new Unreadable(`its zip directory is broken at file ${n}`);
    const member = directoryLine(directory, position);
    yield member;
    position = member.next;
  }
}

function directoryLine(directory, position) {
  const u16 = (offset) => directory.readUInt16LE(position + offset);
  const u32 = (offset) => directory.readUInt32LE(position + offset);
  const extraAt = position + 46 + u16(28);
  const next = extraAt + u16(30) + u16(32);
  const name = directory.toString('utf8', position + 46, extraAt);
  const line = { name, flags: u16(8), method: u16(10), crc: u32(16), packed: u32(20), size: u32(24), offset: u32(42) };
  for (let extra = extraAt; extra + 4 <= extraAt + u16(30); ) {
    const [id, length] = [directory.readUInt16LE(extra), directory.readUInt16LE(extra + 2)];
    let field = extra + 4;
    for (const part of id === 1 ? ['size', 'packed', 'offset'] : []) {
      if (line[part] !== 0xffffffff) continue;
      line[part] = Number(directory.readBigUInt64LE(field));
      field += 8;
    }
    extra += 4 + length;
  }
  return { ...line, next };
}

function digestMember(file, at, member) {
  if (member.method !== 0) {
    const bytes = readMember(at, member);
    return { length: bytes.length, sha256: sha256(bytes) };
  }
  const { length, sha256: digest, crc } = digestPieces(file, placeOf(at, member), member.packed);
  if (length !== member.size || crc !== member.crc) throw new Unreadable('its checksum in the zip is wrong');
  return { length, sha256: digest };
}

/** Where the bytes of a member begin. */
function placeOf(at, { name, flags, offset }) {
  const head = at(offset, 30);
  if (head.length < 30 || head.readUInt32LE(0) !== 0x04034b50) throw new Unreadable('its place in the zip is broken');
  if (flags & 1) throw new Unreadable('it is encrypted');
  const nameLength = head.readUInt16LE(26);
  if (at(offset + 30, nameLength).toString('utf8') !== name) throw new Unreadable('the zip names it in two ways');
  return offset + 30 + nameLength + head.readUInt16LE(28);
}

function readMember(at, member) {
  const { method, crc, packed, size } = member;
  const bytes = at(placeOf(at, member), packed, method !== 0);
  const whole = method === 0 ? bytes : inflate(bytes, size, method);
  if (whole.length !== size || crc32(whole) !== crc) throw new Unreadable('its checksum in the zip is wrong');
  return whole;
}

function inflate(bytes, size, method) {
  if (method !== 8) throw new Unreadable(`compression ${method} is not known`);
  try {
    return inflateRawSync(bytes, {
      chunkSize: Math.max(64, Math.min(size, 1 << 22)),
      maxOutputLength: Math.max(1, size),
    });
  } catch (error) {
    throw new Unreadable(`it cannot be inflated: ${error.message}`);
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const crc32 = (bytes) => (crcOver(0xffffffff, bytes) ^ 0xffffffff) >>> 0;

function crcOver(before, bytes) {
  let value = before;
  for (let i = 0; i < bytes.length; i += 1) value = (value >>> 8) ^ CRC[(value ^ bytes[i]) & 255];
  return value;
}

/** The bytes of a file, undefined where they cannot be had; what cannot be read is reported, what is missing is not. */
const read = (pack, name, report) => readable(name, pack.read, report);

function readable(name, how, report) {
  try {
    return how(name);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    report(15, name, `cannot be read: ${error.message}`);
    return undefined;
  }
}

// ── JSON (RFC 8785) ─────────────────────────────────────────────────────────────────────────────────────────────────

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON of a file that must be there. */
function readJson(pack, name, report) {
  const bytes = read(pack, name, report);
  if (bytes === undefined) {
    if (!pack.has(name)) report(12, name, 'this file is missing');
    return undefined;
  }
  try {
    return JSON.parse(strictText.decode(bytes));
  } catch (error) {
    report(15, name, `it is no JSON: ${error.message}`);
    return undefined;
  }
}

// ── keys, notes and checkpoints ─────────────────────────────────────────────────────────────────────────────────────

/** Bytes of base64 in its one spelling; undefined otherwise. */
function unbase64(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

class Usage extends Error {}

function readKey(text) {
  const [name = '', id = '', ...rest] = text.trim().split('+');
  const typed = unbase64(rest.join('+'));
  if (name === '' || !/^[0-9a-f]{8}$/.test(id) || rest.length === 0)
    throw new Usage(`a vkey is <name>+<8 hex digits>+<base64>: ${text}`);
  if (typed?.length !== 33 || typed[0] !== 1) throw new Usage(`the vkey of ${name} does not hold an Ed25519 key`);
  const made = hex(sha256(`${name}\n`, typed).subarray(0, 4));
  if (made !== id) throw new Usage(`the vkey of ${name} has id ${id}, its key says ${made}: mistyped`);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), typed.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** `{ origin, size, root }` of a signed note, or `{ wrong }`. */
function openNote(bytes, keys) {
  let text = '';
  try {
    text = strictText.decode(bytes);
  } catch {
    return { wrong: 'it is not UTF-8' };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what a note must not hold
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text))
    return { wrong: 'it holds a control character other than LF (a CR, perhaps)' };
  const cut = text.lastIndexOf('\n\n');
  if (cut < 0 || !text.endsWith('\n') || cut + 2 >= text.length)
    return { wrong: 'it has no signatures after an empty line, or its last line is cut' };
  const signed = text.slice(0, cut + 1);
  const wrong = signatureFault(signed, text.slice(cut + 2, -1).split('\n'), keys);
  return wrong === undefined ? readCheckpoint(signed.slice(0, -1).split('\n')) : { wrong };
}

function signatureFault(signed, lines, keys) {
  if (lines.length > 16) return `it has ${lines.length} signature lines, at most 16 are allowed`;
  let good = 0;
  const seen = [];
  for (const line of lines) {
    const [, name, base64] = /^— ([^ +]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
    const bytes = base64 === undefined ? undefined : unbase64(base64);
    if (bytes === undefined || bytes.length < 5)
      return `a signature line is malformed: ${JSON.stringify(line.slice(0, 80))}`;
    const id = hex(bytes.subarray(0, 4));
    seen.push(`${name} (${id})`);
    for (const known of keys.filter((key) => key.name === name && key.id === id)) {
      if (bytes.length !== 68 || !verifySignature(null, Buffer.from(signed), known.key, bytes.subarray(4)))
        return `the signature of ${name} (${id}) does not verify`;
      good += 1;
    }
  }
  if (good > 0) return undefined;
  const given = keys.map(({ name, id }) => `${name} (${id})`).join(', ');
  return `it is signed by ${seen.join(', ')}; the keys given are ${given}: a pack of another hub, or a key is missing`;
}

function readCheckpoint(lines) {
  const [origin, size, base64] = lines;
  if (lines.length !== 3) return { wrong: `a checkpoint has three lines, this one has ${lines.length}` };
  const root = unbase64(base64);
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size))
    return { wrong: `its size ${JSON.stringify(size)} is no number without leading zeroes` };
  if (root?.length !== 32) return { wrong: 'its root is not 32 bytes in base64' };
  return origin === '' ? { wrong: 'its origin is empty' } : { origin, size: Number(size), root };
}

const familyOf = (origin) => origin.replace(/-[0-9]+$/, '');

// ── entries ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const ALWAYS = ['v', 'id', 't', 'actor', 'action', 'evidence'];
const OTHERS = ['platform', 'delivery', 'batch', 'from', 'to', 'attempt', 'epoch', 'payloadCommit', 'receiptHash'];

const isText = (value) =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && Object.values(value).every(isText));

/** `{ entry }` or `{ wrong }`. */
function readEntry(bytes) {
  if (bytes.length > 8192) return { wrong: `${bytes.length} bytes, at most 8192 are allowed` };
  let entry;
  try {
    const text = strictText.decode(bytes);
    entry = JSON.parse(text);
    if (Array.isArray(entry) || typeof entry !== 'object' || entry === null || canonical(entry) !== text)
      return { wrong: 'it is not the canonical form of itself' };
  } catch (error) {
    return { wrong: `it is no JSON: ${error.message}` };
  }
  const unknown = Object.keys(entry).filter((name) => !ALWAYS.includes(name) && !OTHERS.includes(name));
  const missing = ALWAYS.filter((name) => !Object.hasOwn(entry, name));
  if (unknown.length > 0 || missing.length > 0)
    return { wrong: `unknown members [${unknown}], missing members [${missing}]` };
  const { evidence, ...texts } = entry;
  const flat = Object.values(texts).every((value) => typeof value === 'string');
  if (!flat || typeof evidence === 'string' || Array.isArray(evidence) || !isText(evidence))
    return { wrong: 'a value is not text' };
  const sound =
    entry.v === '1' &&
    /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(entry.id) &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(entry.t);
  return sound ? { entry } : { wrong: 'version, id or time is malformed' };
}

/** The entries of a bundle; undefined where it is cut. */
function readBundle(bytes) {
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 <= bytes.length ? at + 2 + bytes.readUInt16BE(at) : Infinity;
    if (end > bytes.length) return undefined;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

function readEntries(pack, { manifest, head, tree }, report) {
  const found = new Map();
  const ids = new Map();
  for (const { number, width, path } of tilesOf('tile/entries', head.size, 0)) {
    const first = number * TILE;
    if (!pack.has(path)) {
      if (manifest.complete && first + width > (manifest.minimumIndex ?? 0))
        report(12, path, `this bundle is missing (entries ${first} to ${first + width - 1})`);
      continue;
    }
    const bytes = read(pack, path, report);
    const bundle = bytes === undefined ? [] : readBundle(bytes);
    if (bundle === undefined) report(12, path, `cut in the middle of an entry, ${width} entries expected`);
    else if (bytes !== undefined && bundle.length !== width)
      report(bundle.length < width ? 12 : 15, path, `${bundle.length} entries, ${width} expected`);
    for (const [offset, entry] of (bundle ?? []).slice(0, width).entries())
      takeEntry(
        { path, index: first + offset, bytes: entry, leaf: tree.levels[0]?.[first + offset] },
        { found, ids },
        report,
      );
  }
  for (const index of manifest.entries)
    if (!found.has(index)) report(12, `entry ${index}`, 'the manifest discloses it, no bundle holds it soundly');
  return found;
}

function takeEntry({ path, index, bytes, leaf }, { found, ids }, report) {
  const made = leafOf(bytes);
  if (leaf !== undefined && !made.equals(leaf))
    report(15, path, `entry ${index} hashes to ${hex(made)}, the tile says ${hex(leaf)}`);
  const { entry, wrong } = readEntry(bytes);
  if (wrong !== undefined) return report(15, path, `entry ${index}: ${wrong}`);
  if (ids.has(entry.id)) report(15, path, `entry ${index} has the id of entry ${ids.get(entry.id)}`);
  ids.set(entry.id, index);
  return found.set(index, { entry, leaf: made });
}

// ── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const ARROWS = new Map(
  `SEALED intent SENDING, SEALED cancelled SETTLED, SEALED recut SPLIT, SEALED refused-alone SETTLED,
  SENDING answered SETTLED, SENDING received RECEIVED, SENDING partial RECEIVED, SENDING not-sent RETRY_WAIT,
  SENDING refused SPLIT, SENDING refused-alone SETTLED, SENDING refused-too-many HELD,
  SENDING contract-fault HELD, SENDING conflict HELD, SENDING unknown UNKNOWN, RETRY_WAIT intent SENDING,
  RETRY_WAIT recut SPLIT, RETRY_WAIT answered SETTLED, RETRY_WAIT received RECEIVED, RETRY_WAIT partial RECEIVED,
  RETRY_WAIT conflict HELD, UNKNOWN answered SETTLED, UNKNOWN received RECEIVED, UNKNOWN partial RECEIVED,
  UNKNOWN refused SPLIT, UNKNOWN refused-alone SETTLED, UNKNOWN refused-too-many HELD, UNKNOWN absent RETRY_WAIT,
  UNKNOWN conflict HELD, UNKNOWN unknown UNKNOWN, UNKNOWN intent-same-key SENDING, UNKNOWN overdue HELD,
  UNKNOWN unaskable HELD, RECEIVED answered SETTLED, RECEIVED received RECEIVED, RECEIVED partial RECEIVED,
  RECEIVED refused SPLIT, RECEIVED refused-alone SETTLED, RECEIVED refused-too-many HELD,
  RECEIVED unknown RECEIVED, RECEIVED absent UNKNOWN, RECEIVED conflict HELD, RECEIVED overdue HELD,
  SETTLED answered SETTLED, SETTLED received SETTLED, SETTLED partial SETTLED, SETTLED conflict SETTLED,
  HELD released RETRY_WAIT, HELD closed-by-hand SETTLED, HELD answered SETTLED, HELD refused SPLIT,
  HELD refused-alone SETTLED, HELD refused-too-many HELD, HELD received HELD, HELD partial HELD, HELD unknown HELD,
  HELD absent HELD, HELD conflict HELD`
    .split(',')
    .map((arrow) => arrow.trim().split(/\s+/))
    .map(([from, event, to]) => [`${from} ${event}`, to]),
);

/** Every batch as its entries leave it, in the order of the index. */
function replay(entries, { manifest, begun }, report) {
  const batches = new Map();
  const disclosed = new Set(manifest.batches);
  const indices = [...entries.keys()].sort((a, b) => a - b);
  for (const index of indices) {
    const { entry } = entries.get(index);
    // In a pack of a part of the log other batches' entries stand beside the disclosed ones, incomplete.
    if (entry.batch === undefined || (!manifest.complete && !disclosed.has(entry.batch))) continue;
    const before = batches.get(entry.batch) ?? { exceptions: new Map(), receipts: new Map(), epoch: 0 };
    const batch = { ...before, platform: before.platform ?? entry.platform };
    if (entry.receiptHash !== undefined) {
      const told = { index, t: entry.t, receiptId: entry.evidence.receiptId };
      batch.receipts.set(entry.receiptHash, [...(batch.receipts.get(entry.receiptHash) ?? []), told]);
    }
    const said = (text) => report(14, `entry ${index}`, text);
    if (entry.delivery !== undefined) exception(entry, index, batch, said);
    else if (entry.to !== undefined) transition(entry, index, batch, { said, begun });
    batches.set(entry.batch, batch);
  }
  return batches;
}

function exception(entry, index, batch, said) {
  if (entry.from === undefined || entry.to === undefined) return;
  const before = batch.exceptions.get(entry.delivery)?.state ?? 'open';
  const byBatch = before === 'open' && batch.settledBy === 'answered' && entry.from === 'accepted';
  if (entry.from !== before && !byBatch)
    said(`member ${entry.delivery} is ${before}, the entry begins at ${entry.from}`);
  const { verdict = null } = entry.evidence;
  batch.exceptions.set(entry.delivery, { state: entry.to, index, verdict, commit: entry.payloadCommit });
}

function transition(entry, index, batch, { said, begun }) {
  const { from, to, evidence } = entry;
  const { event } = evidence;
  if (from === undefined) {
    if (entry.action !== 'batch.sealed' || to !== 'SEALED' || batch.state !== undefined)
      said(`batch ${entry.batch} cannot begin with ${entry.action} in state ${batch.state ?? 'none'}`);
    Object.assign(batch, { sealed: entry, sealedIndex: index });
  } else {
    if (batch.state === undefined && !begun)
      said(`batch ${entry.batch} was never sealed and goes from ${from} to ${to}`);
    if (batch.state !== undefined && batch.state !== from)
      said(`batch ${entry.batch} is ${batch.state}, the entry begins at ${from}`);
    if (ARROWS.get(`${from} ${event}`) !== to) said(`batch ${entry.batch}: no arrow from ${from} by ${event} to ${to}`);
  }
  counters(entry, batch, said);
  batch.state = to;
  if (to !== 'SETTLED') return;
  batch.settledBy ??= event;
  batch.settledAt = index;
}

const isDecimal = (text) => /^[0-9]+$/.test(text);

/** The epoch never goes down; the attempt grows by one with each intent. */
function counters({ batch: id, epoch, attempt, evidence: { event } }, batch, said) {
  if (epoch !== undefined) {
    if (!isDecimal(epoch) || Number(epoch) < batch.epoch) said(`batch ${id}: epoch ${epoch} after ${batch.epoch}`);
    if (isDecimal(epoch)) batch.epoch = Number(epoch);
  }
  if (attempt === undefined) return;
  const given = isDecimal(attempt) ? Number(attempt) : -1;
  const begun = batch.attempt !== undefined || batch.sealed !== undefined;
  const expected = begun ? (batch.attempt ?? 0) + (event === 'intent' || event === 'intent-same-key' ? 1 : 0) : given;
  if (given !== expected) said(`batch ${id}: attempt ${attempt}, ${expected} expected`);
  batch.attempt = given;
}

// ── the steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Verifies a pack; `heads` are saved checkpoints by name. Returns findings, what was seen, and the head. */
function verifyPack(pack, { keys, heads, now }) {
  const findings = [];
  const report = (code, where, said) => void findings.push({ code, where, said });
  const summary = {};
  const manifest = readManifest(pack, report);
  if (manifest === undefined) return { findings, summary };
  summary.scope = manifest.scope;
  checkFiles(pack, manifest, report);
  const head = openFile(pack, 'checkpoint', keys, report);
  if (head === undefined) return { findings, summary };
  checkIdentity(manifest, head, keys, report);
  const tree = readTree(pack, head.size, report);
  const context = { manifest, keys, head, tree, summary, totals: {}, applied: openApplied(), now };
  Object.assign(summary, { undisclosedBatches: [], unproven: 0 });
  context.hidden = [];
  context.unproven = [];
  checkRoot('checkpoint', head, context, report);
  const older = checkOlder(pack, context, report);
  for (const { name, bytes } of heads) checkSaved(name, bytes, { ...context, older }, report);
  const entries = readEntries(pack, context, report);
  checkProofs(pack, entries, context, report);
  checkFresh(entries, context, report);
  context.begun = checkBeginning(entries, context, report);
  const batches = replay(entries, context, report);
  checkScope(batches, context, report);
  checkListed(pack, batches, context, report);
  checkPayloads(pack, entries, report);
  for (const id of new Set(manifest.batches)) checkBatch(pack, id, batches.get(id), context, report);
  checkOrder(pack, batches, context, report);
  checkApprovals(pack, entries, context, report);
  checkReport(pack, context, report);
  const { origin, size, root } = head;
  Object.assign(summary, {
    complete: manifest.complete,
    from: manifest.minimumIndex ?? 0,
    origin,
    size,
    root: root.toString('base64'),
    entries: entries.size,
    batches: manifest.batches.length,
  });
  return { findings, summary, head, hidden: context.hidden, unproven: context.unproven };
}

const SHAPES = {
  origin: 'string',
  size: 'number',
  root: 'string',
  hubId: 'string',
  scope: 'object',
  complete: 'boolean',
  files: 'object',
};

function readManifest(pack, report) {
  const name = 'manifest.json';
  if (!pack.has(name)) return void report(12, name, 'missing: this is no evidence pack, or it is cut short');
  const manifest = readJson(pack, name, report);
  if (manifest === undefined) return undefined;
  if (manifest?.format !== FORMAT)
    return void report(15, name, `format ${manifest?.format}, this verifier reads ${FORMAT}`);
  const wrong = Object.entries(SHAPES).filter(
    ([member, shape]) => typeof manifest[member] !== shape || manifest[member] === null,
  );
  for (const list of ['entries', 'batches']) if (!Array.isArray(manifest[list])) wrong.push([list]);
  for (const place of ['number', 'minimumIndex'])
    if (!Number.isSafeInteger(manifest[place] ?? 0) || manifest[place] < 0) wrong.push([place]);
  if (wrong.length > 0) return void report(15, name, `wrong members: ${wrong.map(([member]) => member).join(', ')}`);
  return manifest;
}

function checkFiles(pack, { files }, report) {
  for (const name of pack.doubled) report(15, name, 'stands twice in the zip');
  for (const [name, { bytes: length, sha256: told }] of Object.entries(files)) {
    if (!pack.has(name)) {
      report(12, name, `this file is missing (${length} bytes, the manifest says)`);
      continue;
    }
    const found = readable(name, pack.digest, report);
    if (found === undefined) continue;
    if (found.length < length) report(12, name, `cut: ${found.length} of ${length} bytes`);
    else if (hex(found.sha256) !== told) report(15, name, `SHA-256 ${hex(found.sha256)}, the manifest says ${told}`);
  }
  for (const name of pack.names)
    if (name !== 'manifest.json' && !Object.hasOwn(files, name))
      report(15, name, 'the manifest does not know this file');
}

function openFile(pack, name, keys, report) {
  const bytes = read(pack, name, report);
  if (bytes === undefined) return pack.has(name) ? undefined : void report(12, name, 'this checkpoint is missing');
  const opened = openNote(bytes, keys);
  return opened.wrong === undefined ? opened : void report(10, name, opened.wrong);
}

function checkOrigin(where, { origin }, keys, report) {
  if (keys.some(({ name }) => name === origin || name === familyOf(origin))) return;
  const given = keys.map(({ name }) => name).join(', ');
  report(10, where, `origin ${origin}, the keys given are for ${given}: a pack of another hub`);
}

function checkIdentity(manifest, head, keys, report) {
  const { origin, size, root } = head;
  checkOrigin('checkpoint', head, keys, report);
  const told = [manifest.origin, manifest.size, manifest.root].join(' ');
  const signed = [origin, size, root.toString('base64')].join(' ');
  if (told !== signed) report(15, 'manifest.json', `it speaks of ${told}; the checkpoint of ${signed}`);
}

/**
 * What only the unsigned manifest says, held against the log: that older entries were pruned away, and which log this is.
 * True where batches may have begun before what the pack holds.
 */
function checkBeginning(entries, { manifest, head }, report) {
  const { complete, minimumIndex = 0, number = 1 } = manifest;
  const signed = Number(/-([0-9]+)$/.exec(head.origin)?.[1] ?? 1);
  if (number !== signed)
    report(15, 'manifest.json', `it says log number ${number}, the signed origin ${head.origin} is number ${signed}`);
  if (!complete) return false;
  const pruned =
    minimumIndex > 0 &&
    [...entries.values()].some(
      ({ entry }) => entry.action === 'log.pruned' && entry.evidence.below === String(minimumIndex),
    );
  if (minimumIndex > 0 && !pruned)
    report(
      12,
      'manifest.json',
      `it begins at entry ${minimumIndex}, no entry log.pruned says that those below ${minimumIndex} were pruned away`,
    );
  const first = entries.get(0)?.entry.action;
  const restarted = number > 1 && first === 'log.restarted';
  if (number > 1 && !restarted && !pruned)
    report(12, 'entry 0', `log number ${number} begins with log.restarted, entry 0 is ${first ?? 'not in the pack'}`);
  return pruned || restarted;
}

const SCOPES = ['log', 'period', 'record', 'batch', 'enterprise'];

/** The scope is the pack's own word; what the log says of it must not be otherwise. */
function checkScope(batches, { manifest }, report) {
  const name = 'manifest.json';
  const { scope, complete } = manifest;
  const { kind, value } = scope;
  if (!SCOPES.includes(kind)) report(15, name, `scope ${JSON.stringify(kind)}, known are ${SCOPES.join(', ')}`);
  if (complete !== (kind === 'log'))
    report(15, name, `complete is ${complete} with scope ${kind}; it is true for scope log, and for no other`);
  if (kind === 'batch' && !manifest.batches.some((id) => `${id}`.startsWith(`${value}`.trim().toLowerCase())))
    report(15, name, `it is about batch ${value}, which is not listed in batches`);
  for (const id of kind === 'period' ? manifest.batches : []) {
    const { sealed, sealedIndex } = batches.get(id) ?? {};
    if (sealed === undefined || sealed.evidence.period === value) continue;
    const told = sealed.evidence.period ?? 'none';
    report(15, name, `it is about period ${value}, entry ${sealedIndex} sealed batch ${id} for period ${told}`);
  }
}

/** In a pack of the whole log no batch that the log sealed may be left out. */
function checkListed(pack, batches, { manifest }, report) {
  if (!manifest.complete) return;
  const listed = new Set(manifest.batches);
  for (const [id, { sealed, sealedIndex }] of batches) {
    const folder = `batches/${id}/`;
    if (sealed === undefined) continue;
    const about = `entry ${sealedIndex} sealed this batch of ${sealed.evidence.members} members`;
    if (!listed.has(id)) report(12, folder, `${about}; the manifest's batches leave it out`);
    if (pack.below(folder).length === 0) report(12, folder, `${about}; its folder is missing`);
  }
}

/** The first `size` leaves must give the root that was signed. */
function checkRoot(name, { size, root }, { head, tree }, report) {
  if (size > head.size)
    return report(12, name, `size ${size}, the pack's log ends at ${head.size}: its tail is missing`);
  const made = rootAt(tree, size);
  if (made !== undefined && !made.equals(root))
    report(11, name, `at size ${size} the tiles give root ${hex(made)}, the checkpoint says ${hex(root)}`);
  return undefined;
}

function checkOlder(pack, context, report) {
  const older = new Map();
  for (const name of pack.names) {
    const [, number, size] = /^checkpoints\/([1-9][0-9]*)\/(0|[1-9][0-9]*)$/.exec(name) ?? [];
    const checkpoint = number === undefined ? undefined : openFile(pack, name, context.keys, report);
    if (checkpoint === undefined) continue;
    if (checkpoint.size !== Number(size)) report(15, name, `it is a checkpoint of size ${checkpoint.size}`);
    older.set(`${checkpoint.origin} ${checkpoint.size}`, checkpoint.root);
    if (Number(number) !== (context.manifest.number ?? 1)) continue;
    if (checkpoint.origin !== context.head.origin)
      report(15, name, `origin ${checkpoint.origin}, expected ${context.head.origin}`);
    checkRoot(name, checkpoint, context, report);
  }
  context.summary.checkpoints = older.size;
  return older;
}

function checkSaved(name, bytes, context, report) {
  const saved = openNote(bytes, context.keys);
  if (saved.wrong !== undefined) return report(10, name, saved.wrong);
  const { origin, size, root } = saved;
  if (origin === context.head.origin) return checkRoot(name, saved, context, report);
  const known = context.older.get(`${origin} ${size}`);
  if (familyOf(origin) !== familyOf(context.head.origin))
    return report(10, name, `a head of ${origin}, the pack is of ${context.head.origin}`);
  if (known === undefined)
    return report(12, name, `a head of the older log ${origin} at size ${size}, which this pack does not hold`);
  return known.equals(root) ? undefined : report(11, name, `the older log ${origin} had another root at size ${size}`);
}

function checkProofs(pack, entries, { keys, head, summary }, report) {
  const proofs = pack.names.flatMap((name) => {
    const index = /^proofs\/(0|[1-9][0-9]*)\.tlog-proof$/.exec(name)?.[1];
    return index === undefined ? [] : [{ name, index: Number(index) }];
  });
  for (const proof of proofs) {
    const bytes = read(pack, proof.name, report);
    if (bytes !== undefined) checkProof({ ...proof, bytes, entry: entries.get(proof.index) }, { keys, head }, report);
  }
  summary.proofs = proofs.length;
}

function checkProof({ name, index, bytes, entry }, { keys, head }, report) {
  const proof = parseProof(bytes);
  if (proof?.index !== index) return report(15, name, `it is no proof of entry ${index} in the format ${PROOF_FORMAT}`);
  const { leaf } = proof;
  const checkpoint = openNote(proof.note, keys);
  if (checkpoint.wrong !== undefined) return report(10, name, checkpoint.wrong);
  checkPath(name, proof, checkpoint, report);
  if (checkpoint.origin !== head.origin)
    report(10, name, `proof of ${checkpoint.origin}, the pack is of ${head.origin}`);
  if (entry !== undefined && !entry.leaf.equals(leafOf(leaf)))
    report(15, name, `it proves another entry ${index} than the bundle holds`);
  return undefined;
}

const PROOF_FORMAT = 'c2sp.org/tlog-proof@v1';

/** `{ leaf, index, path, note }` of a proof file; undefined where it is none. */
function parseProof(bytes) {
  const cut = bytes.indexOf('\n\n');
  const [format, extra, place, ...hashes] = bytes.toString('utf8', 0, Math.max(0, cut)).split('\n');
  const leaf = extra?.startsWith('extra ') ? unbase64(extra.slice(6)) : undefined;
  const index = /^index (0|[1-9][0-9]{0,14})$/.exec(place ?? '')?.[1];
  const path = hashes.map(unbase64);
  if (format !== PROOF_FORMAT || leaf === undefined || index === undefined || path.some((h) => h?.length !== 32))
    return undefined;
  return { leaf, index: Number(index), path, note: bytes.subarray(cut + 2) };
}

function checkPath(name, { leaf, index, path }, { size, root }, report) {
  const made = rootByProof(leafOf(leaf), index, size, path);
  if (made === undefined || !made.equals(root))
    report(15, name, `the proof does not lead from entry ${index} to the root of size ${size}`);
}

/** A `.tlog-proof` alone: one entry and, with `--member`, the place of one record in the batch that it sealed. */
function verifyProof(name, bytes, { keys, heads, members }) {
  const findings = [];
  const report = (code, where, said) => void findings.push({ code, where, said });
  const proof = parseProof(bytes);
  if (proof === undefined) report(15, name, `it is no proof in the format ${PROOF_FORMAT}`);
  if (proof === undefined) return { findings, summary: {} };
  const checkpoint = openNote(proof.note, keys);
  if (checkpoint.wrong !== undefined) report(10, name, checkpoint.wrong);
  if (checkpoint.wrong !== undefined) return { findings, summary: {} };
  checkOrigin(name, checkpoint, keys, report);
  checkPath(name, proof, checkpoint, report);
  for (const saved of heads) checkProofHead(saved, checkpoint, keys, report);
  const { entry, wrong } = readEntry(proof.leaf);
  if (wrong !== undefined) report(15, name, `entry ${proof.index}: ${wrong}`);
  for (const member of entry === undefined ? [] : members) checkPlace(member, entry, report);
  const { origin, size, root } = checkpoint;
  const { action, t, actor, platform, batch } = entry ?? {};
  return {
    findings,
    summary: { origin, size, root: root.toString('base64'), index: proof.index, t, action, actor, platform, batch },
  };
}

/** Without tiles two heads can only be compared where they are of one size. */
function checkProofHead({ name, bytes }, { origin, size, root }, keys, report) {
  const saved = openNote(bytes, keys);
  if (saved.wrong !== undefined) return report(10, name, saved.wrong);
  if (saved.origin === origin && saved.size === size && !saved.root.equals(root))
    report(11, name, `at size ${size} it has root ${hex(saved.root)}, the proof's checkpoint ${hex(root)}`);
  return undefined;
}

/** Place of a record in the manifest that `batch.sealed` commits to. */
function checkPlace({ name, bytes }, { action, batch, evidence }, report) {
  let told;
  try {
    told = JSON.parse(strictText.decode(bytes));
  } catch (error) {
    return report(15, name, `it is no JSON: ${error.message}`);
  }
  const { batchId, row, members, payloadDigest, manifestProof } = told ?? {};
  const path = Array.isArray(manifestProof) ? manifestProof.map((text) => Buffer.from(String(text), 'hex')) : [];
  if (action !== 'batch.sealed' || batch !== batchId)
    return report(15, name, `it speaks of batch ${batchId}, the entry is ${action} of batch ${batch}`);
  if (
    evidence.members !== String(members) ||
    !Number.isSafeInteger(row) ||
    row < 1 ||
    !/^[0-9a-f]{64}$/.test(payloadDigest)
  )
    return report(15, name, `row ${row} of ${members}; the entry says that the batch has ${evidence.members} members`);
  const root = rootByProof(leafOf(Buffer.from(payloadDigest, 'hex')), row - 1, members, path);
  if (root === undefined || hex(root) !== evidence.manifestRoot)
    report(15, name, `row ${row} does not lead to the manifest root ${evidence.manifestRoot}`);
  return undefined;
}

function checkFresh(entries, { head, summary, now }, report) {
  if (head.size === 0) return;
  const last = entries.get(head.size - 1)?.entry;
  if (last === undefined)
    return void report(
      12,
      `entry ${head.size - 1}`,
      'the last entry is not disclosed: nothing says how old the head is',
    );
  summary.headTime = last.t;
  if (now.getTime() - Date.parse(last.t) > FRESH_MS)
    report(13, 'checkpoint', `its last entry is of ${last.t}, more than 8 days before ${now.toISOString()}`);
}

function checkPayloads(pack, entries, report) {
  const commits = new Set([...entries.values()].map(({ entry }) => entry.payloadCommit));
  for (const name of pack.names.filter((path) => /^payloads\/[0-9a-f]{64}$/.test(path))) {
    const commit = name.slice('payloads/'.length);
    const [payload, salt] = [read(pack, name, report), read(pack, `${name}.salt`, report)];
    if (payload === undefined || salt === undefined) report(12, `${name}.salt`, 'the salt of this payload is missing');
    else if (hex(sha256(COMMIT, salt, payload)) !== commit)
      report(15, name, 'payload and salt give another commitment');
    else if (!commits.has(commit)) report(15, name, 'no disclosed entry commits to it');
  }
}

// ── batches ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkBatch(pack, id, batch, context, report) {
  const folder = `batches/${id}/`;
  if (batch === undefined) return report(12, folder, 'no entry of this batch is in the pack');
  if (batch.sealed === undefined) {
    if (!context.begun) return report(12, folder, 'its entry batch.sealed is missing');
    context.unproven.push(id);
    context.summary.unproven += 1;
    return undefined;
  }
  const members = readJson(pack, `${folder}members.json`, report);
  if (members === undefined) return undefined;
  try {
    checkMembers(`${folder}members.json`, { id, ...batch }, { members, hubId: context.manifest.hubId }, report);
    checkRequest(pack, folder, { id, batch, members, context }, report);
    checkReceipts(pack, folder, batch, report);
    checkVerdicts(pack, `${folder}verdicts.json`, { id, batch, members, context }, report);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    report(15, folder, `its files are not of the form that the format page gives: ${error.message}`);
  }
  return undefined;
}

function checkMembers(name, { id, platform, sealed, sealedIndex }, { members, hubId }, report) {
  const { members: count, manifestRoot } = sealed.evidence;
  if (count !== String(members.length))
    report(15, name, `${members.length} members, entry ${sealedIndex} says ${count}`);
  const root = hex(rootOver(members.map(({ payloadDigest }) => leafOf(Buffer.from(payloadDigest, 'hex')))));
  if (root !== manifestRoot)
    report(15, name, `the members' digests give root ${root}, entry ${sealedIndex} says ${manifestRoot}`);
  for (const [index, { row, idemKey, recordKey, version, rendition }] of members.entries()) {
    const key = shortDigest(['hub-idem-v1', hubId, platform, recordKey, version, rendition]);
    if (row === index + 1 && idemKey === key) continue;
    report(15, name, `row ${index + 1}: its key is ${idemKey}, hub, platform, record and version give ${key}`);
    break;
  }
  // An empty package (零报送) is named after its period.
  const keys = members.length === 0 ? [`nil/${sealed.evidence.period}`] : members.map(({ idemKey }) => idemKey).sort();
  const made = shortDigest(['hub-batch-v1', platform, keys]);
  if (made !== id) report(15, name, `its members give batch id ${made}, not ${id}`);
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** The first 40 characters of base32 (RFC 4648, lower case) of SHA-256 over canonical JSON. */
function shortDigest(parts) {
  const bits = BigInt(`0x${hex(sha256(canonical(parts)).subarray(0, 25))}`);
  return Array.from({ length: 40 }, (_, i) => ALPHABET[Number((bits >> BigInt(5 * (39 - i))) & 31n)]).join('');
}

function checkRequest(pack, folder, { id, batch, members, context }, report) {
  const name = `${folder}request`;
  if (!pack.has(name)) {
    const { summary, hidden } = context;
    summary.undisclosed = (summary.undisclosed ?? 0) + 1;
    summary.undisclosedBatches.push(id);
    if (!pack.below(folder).some((path) => path.startsWith(`${folder}records/`))) hidden.push(id);
    checkSingleRecords(pack, folder, members, report);
    return;
  }
  const [body, salt] = [read(pack, name, report), read(pack, `${folder}salt`, report)];
  if (!pack.has(`${folder}salt`)) report(12, `${folder}salt`, 'this salt is missing');
  else if (body !== undefined && salt !== undefined && hex(sha256(COMMIT, salt, body)) !== batch.sealed.payloadCommit)
    report(15, name, `bytes and salt give another commitment than entry ${batch.sealedIndex}`);
  // Where the platform wants another form, the hub's own package stands beside the body that was rendered from it.
  const source = pack.has(`${folder}package`) ? `${folder}package` : name;
  const sent = readJson(pack, source, report);
  if (sent !== undefined) checkRecords(source, sent.records, members, report);
}

/** Packs about single records hold only their data: the canonical bytes that the member's digest is over. */
function checkSingleRecords(pack, folder, members, report) {
  for (const name of pack.below(folder)) {
    const row = /^records\/([1-9][0-9]*)\.json$/.exec(name.slice(folder.length))?.[1];
    const bytes = row === undefined ? undefined : read(pack, name, report);
    if (bytes === undefined) continue;
    const digest = hex(sha256(bytes));
    if (members[Number(row) - 1]?.payloadDigest !== digest)
      report(15, name, `SHA-256 ${digest}, not the digest of row ${row} in members.json`);
  }
}

const OPERATIONS = { U: 'UPSERT', D: 'WITHDRAW' };

function checkRecords(name, records, members, report) {
  if (records.length !== members.length)
    report(15, name, `${records.length} records, members.json has ${members.length}`);
  for (const [index, record] of records.slice(0, members.length).entries()) {
    const member = members[index];
    const digest = hex(sha256(canonical(record.data)));
    if (digest !== member.payloadDigest)
      report(15, name, `row ${member.row}: its data hash to ${digest}, members.json says ${member.payloadDigest}`);
    const said = [record.rowId, record.recordKey, record.dataVersion, OPERATIONS[record.op]].join(' ');
    const told = [member.idemKey, member.recordKey, member.version, member.operation].join(' ');
    if (said !== told) report(15, name, `row ${member.row}: sent as ${said}, members.json says ${told}`);
  }
}

function checkReceipts(pack, folder, { receipts }, report) {
  const found = new Set();
  const files = pack.below(folder).filter((name) => name.startsWith(`${folder}receipts/`) && !name.endsWith('.json'));
  for (const name of files) {
    const [bytes, about] = [read(pack, name, report), readJson(pack, `${name}.json`, report)];
    if (bytes === undefined || about === undefined) continue;
    const digest = hex(sha256(bytes));
    found.add(about.sha256);
    if (about.sha256 !== digest) report(15, name, `SHA-256 ${digest}, ${name}.json says ${about.sha256}`);
    else if (!receipts.has(digest)) report(15, name, `no entry of the batch tells of a receipt with SHA-256 ${digest}`);
    else checkReceipt(`${name}.json`, about, receipts.get(digest), report);
  }
  for (const digest of receipts.keys())
    if (!found.has(digest))
      report(12, `${folder}receipts/`, `the receipt with SHA-256 ${digest} is logged and not in the pack`);
}

const RECEIPT_ID = 255;
const NEAR_MS = 60_000;

/** Number and instant of a receipt, held against the entries that tell of its bytes. */
function checkReceipt(name, { receiptId, receivedAt }, told, report) {
  const ids = told.flatMap((entry) => (typeof entry.receiptId === 'string' ? [entry.receiptId] : []));
  if (ids.length > 0 && !ids.some((id) => id.slice(0, RECEIPT_ID) === receiptId))
    report(15, name, `receiptId ${JSON.stringify(receiptId)}, ${placesOf(told)} says ${[...new Set(ids)].join(', ')}`);
  const at = Date.parse(receivedAt);
  if (told.some(({ t }) => Math.abs(Date.parse(t) - at) <= NEAR_MS)) return;
  const times = [...new Set(told.map(({ t }) => t))].join(', ');
  report(15, name, `receivedAt ${receivedAt}, ${placesOf(told)} is of ${times}: more than a minute apart`);
}

const placesOf = (told) => `entry ${told.map(({ index }) => index).join(', ')}`;

function checkVerdicts(pack, name, { id, batch, members, context }, report) {
  const verdicts = readJson(pack, name, report);
  if (verdicts === undefined) return;
  const keys = members.map(({ idemKey }) => idemKey);
  if (verdicts.map(({ idemKey }) => idemKey).join() !== keys.join())
    return void report(15, name, 'its rows are not those of members.json');
  const known = new Set(keys);
  for (const [key, { index }] of batch.exceptions)
    if (!known.has(key)) report(14, `entry ${index}`, `member ${key} is not in batch ${id}`);
  const usual = batch.settledBy === 'answered' ? 'accepted' : 'open';
  for (const [index, verdict] of verdicts.entries()) {
    const member = members[index];
    const state = batch.state === 'SPLIT' ? 'split' : (batch.exceptions.get(member.idemKey)?.state ?? usual);
    if (verdict.state !== state) report(15, name, `row ${member.row} is ${verdict.state}, the log says ${state}`);
    checkAnswer(name, verdict, { member, state, logged: batch.exceptions.get(member.idemKey) }, context, report);
    count({ id, batch, place: index, member, state }, context);
  }
}

/** A member with an entry of its own has its verdict and reason; else `OK` where its batch was accepted, and nothing otherwise. */
function checkAnswer(
  name,
  { verdict = null, reason = null, salt = null },
  { member, state, logged },
  { summary },
  report,
) {
  const own = state === 'split' ? undefined : logged;
  const expected = own === undefined ? (state === 'accepted' ? 'OK' : null) : own.verdict;
  if (verdict !== expected)
    report(
      15,
      name,
      `row ${member.row} has the verdict ${JSON.stringify(verdict)}, the log says ${JSON.stringify(expected)}`,
    );
  if (reason === null) {
    if (own?.commit !== undefined) summary.undisclosedReasons = (summary.undisclosedReasons ?? 0) + 1;
  } else if (own?.commit === undefined) report(15, name, `row ${member.row} has a reason, no entry commits to one`);
  else if (hex(sha256(COMMIT, Buffer.from(String(salt), 'hex'), Buffer.from(String(reason)))) !== own.commit)
    report(15, name, `row ${member.row}: reason and salt give another commitment than entry ${own.index}`);
}

function count({ id, batch, place, member, state }, { totals, applied }) {
  if (state === 'split') return;
  totals[batch.platform] ??= {};
  totals[batch.platform][state] = (totals[batch.platform][state] ?? 0) + 1;
  if (state === 'accepted') applied.add({ id, place }, batch.platform, member.recordKey);
}

/** Which records were taken by whom: 16 bytes for each, since a pack may hold more of them than fit into memory as objects. */
function openApplied() {
  const batches = [];
  let [keys, places, length] = [new Float64Array(4096), new Uint32Array(8192), 0];
  return {
    add: ({ id, place }, platform, recordKey) => {
      if (batches.at(-1) !== id) batches.push(id);
      if (length === keys.length) [keys, places] = [larger(keys), larger(places)];
      keys[length] = sha256(`${platform} ${recordKey}`).readUIntBE(0, 6);
      places.set([batches.length - 1, place], 2 * length);
      length += 1;
    },
    /** `{ id, rows }`, rows from 0, of each batch with records whose key stands there twice, or seems to. */
    again: () => {
      const sorted = keys.slice(0, length).sort();
      const twice = new Set(sorted.filter((key, at) => key === sorted[at + 1]));
      const rows = new Map();
      for (let at = 0; at < length; at += 1) {
        const [batch, place] = places.subarray(2 * at, 2 * at + 2);
        if (twice.has(keys[at])) rows.set(batch, [...(rows.get(batch) ?? []), place]);
      }
      return [...rows].map(([batch, numbers]) => ({ id: batches[batch], rows: numbers }));
    },
  };
}

function larger(numbers) {
  const grown = new numbers.constructor(2 * numbers.length);
  grown.set(numbers);
  return grown;
}

/** Versions that a platform took of one record strictly increase. */
function checkOrder(pack, batches, { applied }, report) {
  const records = new Map();
  for (const { id, rows } of applied.again()) {
    const members = readJson(pack, `batches/${id}/members.json`, report);
    const { platform, settledAt } = batches.get(id);
    for (const place of rows) {
      const { recordKey, version, rendition } = members[place];
      const key = `${platform} ${recordKey}`;
      if (!records.has(key)) records.set(key, []);
      records.get(key).push({ at: settledAt, version, rendition });
    }
  }
  for (const [key, took] of records) checkVersions(key, took, report);
}

function checkVersions(key, took, report) {
  took.sort((a, b) => a.at - b.at || a.version - b.version || a.rendition - b.rendition);
  for (const [index, later] of took.entries()) {
    const earlier = took[index - 1];
    if (earlier === undefined || later.version > earlier.version) continue;
    if (later.version === earlier.version && later.rendition > earlier.rendition) continue;
    const [platform, record] = key.split(' ');
    report(
      14,
      `entry ${later.at}`,
      `${platform} took version ${later.version} of record ${record} after version ${earlier.version}`,
    );
  }
}

/** Who a request says asked, claimed and decided, by the action of the entry that tells of it. */
const ACTORS = {
  'approval.asked': 'askedBy',
  'approval.claimed': 'claimedBy',
  'approval.approved': 'decidedBy',
  'approval.refused': 'decidedBy',
};
const NOT_STATE = { 'approval.approved': 'refused', 'approval.refused': 'approved' };

function checkApprovals(pack, entries, { manifest }, report) {
  const name = 'approvals.json';
  const told = readJson(pack, name, report);
  if (told === undefined) return;
  if (!Array.isArray(told)) return void report(15, name, 'it is no list of requests');
  const named = new Set();
  for (const request of told) {
    const { id, entries: indices = [] } = request ?? {};
    for (const index of Array.isArray(indices) ? indices : []) {
      const entry = entries.get(index)?.entry;
      named.add(index);
      if (entry === undefined) report(12, name, `request ${id} names entry ${index}, which is not in the pack`);
      else if (entry.evidence.request !== String(id))
        report(15, name, `entry ${index} does not speak of request ${id}`);
      else checkApproval(name, request, { index, entry }, report);
    }
  }
  for (const [index, { entry }] of manifest.complete ? entries : []) {
    const { request, code } = entry.evidence;
    if (!entry.action.startsWith('approval.') || request === undefined || named.has(index)) continue;
    // Somebody typed the number of a request that never was.
    if (entry.action === 'approval.denied' && code === 'APPROVAL_UNKNOWN') continue;
    report(15, name, `entry ${index} (${entry.action}) speaks of request ${request}, which does not name it`);
  }
}

function checkApproval(name, request, { index, entry: { action, actor } }, report) {
  const member = ACTORS[action];
  if (member !== undefined && request[member] !== actor)
    report(
      15,
      name,
      `request ${request.id}: ${member} is ${request[member]}, entry ${index} (${action}) is by ${actor}`,
    );
  if (NOT_STATE[action] !== undefined && request.state === NOT_STATE[action])
    report(15, name, `request ${request.id}: state is ${request.state}, entry ${index} is ${action}`);
}

/** Everything that the report counts, counted again from log and manifests. */
function checkReport(pack, { totals }, report) {
  const name = 'report.json';
  const told = readJson(pack, name, report);
  if (told === undefined || canonical(told.members ?? null) === canonical(totals)) return;
  report(15, name, `it counts ${canonical(told.members ?? null)}, a recount gives ${canonical(totals)}`);
}

// ── command line ────────────────────────────────────────────────────────────────────────────────────────────────────

function readArguments(argv) {
  const given = { pack: undefined, key: [], head: [], member: [], seen: [], now: [], json: false, 'no-seen': false };
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index];
    const option = word.startsWith('--') ? word.slice(2) : undefined;
    if (option === undefined && given.pack === undefined) given.pack = word;
    else if (Array.isArray(given[option])) {
      index += 1;
      if (argv[index] === undefined) throw new Usage(`${word} wants a value`);
      given[option].push(argv[index]);
    } else if (typeof given[option] === 'boolean') given[option] = true;
    else throw new Usage(`unknown argument ${word}`);
  }
  if (given.pack === undefined) throw new Usage('name the pack');
  if (given.key.length === 0)
    throw new Usage('give the public key with --key: it stands on the paper that was handed over, never in the pack');
  const now = given.now.length === 0 ? new Date() : new Date(given.now.at(-1));
  if (Number.isNaN(now.getTime()))
    throw new Usage(`--now ${given.now.at(-1)} is no instant such as 2026-11-27T09:00:00+08:00`);
  const keys = given.key.map(readKey);
  const seen = given.seen.at(-1) ?? `${keys[0].name.replace(/[^A-Za-z0-9.-]+/g, '_')}.head`;
  for (const name of given.head) if (!existsSync(name)) throw new Usage(`there is no saved head ${name}`);
  for (const name of given.member) if (!existsSync(name)) throw new Usage(`there is no member file ${name}`);
  const saved = !given['no-seen'] && existsSync(seen) ? [seen] : [];
  const heads = [...given.head, ...saved].map((name) => ({ name, bytes: readFileSync(name) }));
  const members = given.member.map((name) => ({ name, bytes: readFileSync(name) }));
  return { pack: given.pack, keys, heads, members, now, json: given.json, seen: given['no-seen'] ? undefined : seen };
}

/** The newest good head is what the next pack must extend. */
function keepHead(pack, { seen, heads, keys }, head) {
  const kept = heads.find(({ name }) => name === seen);
  const known = kept === undefined ? undefined : openNote(kept.bytes, keys);
  if (known?.origin === head.origin && known.size >= head.size) return;
  writeFileSync(`${seen}.new`, pack.read('checkpoint'));
  renameSync(`${seen}.new`, seen);
}

function tell(code, { findings, summary, hidden = [], unproven = [] }, json) {
  if (json) return console.log(JSON.stringify({ good: code === 0, code, findings, summary }, null, 2));
  for (const { code: kind, where, said } of findings) console.log(`✗ ${kind} ${MEANS[kind]}  ${where}: ${said}`);
  if (code === 0) console.log('✓ 证据包可信 (the pack verifies)');
  const { scope, undisclosedBatches: _, ...rest } = summary;
  if (scope !== undefined) console.log(`  scope: ${scopeText(scope)}（证据包自称 the pack's own word）`);
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) console.log(`  ${name}: ${value}`);
  for (const id of unproven)
    console.log(`  未证实 not proven: batch ${id}，封装条目不在包内 (its entry batch.sealed is not in the pack)`);
  for (const id of hidden)
    console.log(`  未披露 undisclosed: batch ${id}，包内没有其内容 (the pack says nothing of its content)`);
  return undefined;
}

const scopeText = ({ kind, value, platform }) =>
  [kind, value, platform].filter((part) => part !== undefined && part !== null && part !== '').join(' ');

/** The bytes of a `.tlog-proof`; undefined where it is something else. */
function proofBytes(path) {
  if (!existsSync(path) || statSync(path).isDirectory()) return undefined;
  if (!path.endsWith('.tlog-proof') && statSync(path).size > 1_000_000) return undefined;
  const bytes = readFileSync(path);
  return path.endsWith('.tlog-proof') || bytes.subarray(0, PROOF_FORMAT.length).equals(Buffer.from(PROOF_FORMAT))
    ? bytes
    : undefined;
}

const HELP = `用法 (usage): node verify.mjs PACK|FILE.tlog-proof --key VKEY [options]

  PACK              证据包的文件夹或 zip，或 hub log prove 所存的 .tlog-proof (folder or zip of a pack, or one proof)
  --key VKEY        交接单上的公钥，可多次 (public key from the paper that was handed over; again for more keys)
  --head FILE       以前留存的检查点，可多次 (a head that was saved before; again for more)
  --member FILE     hub log prove 所存的 .member.json：记录在批次清单中的位置 (place of a record; with a .tlog-proof)
  --seen FILE       记住最新检查点的文件，默认 <origin>.head (where the newest good head is kept)
  --no-seen         不读不写该文件 (neither read nor write it)
  --now INSTANT     以此刻为准判断是否过期 (hold the age of the head against this instant)
  --json            输出 JSON (print JSON)

退出码 (exit): 0 好 good · 10 签名 signature · 11 分叉 fork · 12 缺失 gap · 13 过期 stale · 14 非法状态 transition · 15 内容不符 content · 2 用法 usage`;

function main(argv) {
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(HELP);
    return 0;
  }
  let given;
  try {
    given = readArguments(argv);
  } catch (error) {
    if (!(error instanceof Usage)) throw error;
    console.error(`用法不对 (wrong usage): ${error.message}`);
    return 2;
  }
  let pack;
  let outcome;
  try {
    const proof = proofBytes(given.pack);
    pack = proof === undefined ? openPack(given.pack) : undefined;
    outcome = pack === undefined ? verifyProof(given.pack, proof, given) : verifyPack(pack, given);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    outcome = { findings: [{ code: 12, where: given.pack, said: error.message }], summary: {} };
  }
  const code = PRECEDENCE.find((kind) => outcome.findings.some((finding) => finding.code === kind)) ?? 0;
  if (code === 0 && given.seen !== undefined && pack !== undefined) keepHead(pack, given, outcome.head);
  tell(code, outcome, given.json);
  return code;
}

process.exitCode = main(process.argv.slice(2));
