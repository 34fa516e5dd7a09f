#!/usr/bin/env python3
"""Verifies an evidence pack of a delivery log, offline, without the hub. Python 3.8 or newer, standard library only.

    python3 verify.py PACK --key VKEY [--key VKEY ...] [--head FILE ...] [--seen FILE | --no-seen] [--now INSTANT] [--json]
    python3 verify.py FILE.tlog-proof --key VKEY [--member FILE]

PACK is the folder or the .zip. VKEY comes from the paper that was handed over, never from the pack. --head names saved
heads (checkpoint files). The newest head that verified is kept in --seen (default: <origin>.head in the working folder)
and must be extended by every later pack. Written from docs/evidence-format.md alone; verify.mjs is its independent twin.

Exit: 0 good, 10 bad signature or unknown key, 11 fork, 12 gap, 13 stale, 14 illegal transition, 15 wrong content, 2 usage.
"""
import base64
import binascii
import hashlib
import json
import os
import re
import struct
import sys
import unicodedata
import zipfile
from datetime import datetime, timedelta, timezone

FORMAT = "zhengxin-evidence-pack@1"
FRESH_DAYS = 8
ENTRY_LIMIT = 8192
BUNDLE = 256
PRECEDENCE = [12, 10, 15, 11, 14, 13]
MEANS = {
    10: ("签名不对或公钥不符", "bad signature or unknown key"),
    11: ("分叉", "fork"),
    12: ("缺失", "gap"),
    13: ("过期", "stale"),
    14: ("非法状态", "illegal transition"),
    15: ("内容不符", "wrong content"),
}


def sha256(data):
    return hashlib.sha256(data).digest()


# --- findings ---------------------------------------------------------------------------------------------------------


class Findings:
    """What is wrong, each with its exit code, the file or index, and what was expected."""

    def __init__(self):
        self.all = []

    def add(self, code, where, said):
        self.all.append({"code": code, "where": where, "said": said})

    def exit_code(self):
        found = {finding["code"] for finding in self.all}
        return next((code for code in PRECEDENCE if code in found), 0)


# --- the pack as files: a folder or a zip -----------------------------------------------------------------------------


class Unreadable(Exception):
    """The pack cannot be opened as a pack at all."""


class Pack:
    def __init__(self, path):
        self.path = path
        self.zip = None
        self.names, self.doubled, self.folders = set(), [], None
        if os.path.isdir(path):
            self.names = set(self._walk(path))
        else:
            self._open_zip(path)

    @staticmethod
    def _walk(root):
        for folder, _, files in os.walk(root):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")

    def _open_zip(self, path):
        if not os.path.exists(path):
            raise Unreadable("there is no such file or folder")
        try:
            self.zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            raise Unreadable("%d bytes, and no end of a zip in them: the pack is cut short or is no zip" % os.path.getsize(path))
        for info in self.zip.infolist():
            if info.filename in self.names:
                self.doubled.append(info.filename)
            elif not info.filename.endswith("/"):
                self.names.add(info.filename)

    def below(self, folder):
        """Files of a folder `batches/<id>/`; an index is made once."""
        if self.folders is None:
            self.folders = {}
            for name in sorted(self.names):
                parts = name.split("/")
                if len(parts) > 2:
                    self.folders.setdefault("%s/%s/" % (parts[0], parts[1]), []).append(name)
        return self.folders.get(folder, [])

    def read(self, name):
        """The bytes of a file; None where it is missing. Raises Unreadable where a member of the zip is broken."""
        if name not in self.names:
            return None
        if self.zip is None:
            with open(os.path.join(self.path, *name.split("/")), "rb") as file:
                return file.read()
        try:
            return self.zip.read(name)
        except (zipfile.BadZipFile, EOFError, RuntimeError, OSError, ValueError, NotImplementedError) as error:
            raise Unreadable(str(error))
        except Exception as error:  # zlib.error is not a subclass of anything above
            raise Unreadable(str(error))


# --- Ed25519 (RFC 8032), verification only, pure Python --------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def point_compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


BASE = point_decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    point = point_decompress(public)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    return point_compress(point_add(point_mul(s, BASE), point_mul(k, minus))) == signature[:32]


# --- keys and signed notes (§3) ---------------------------------------------------------------------------------------


class BadNote(Exception):
    pass


def unbase64(text):
    """Base64 with padding, in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def parse_key(text):
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise ValueError("a vkey is <name>+<8 hex digits>+<base64>: %s" % text)
    name, key_id, data = parts[0], bytes.fromhex(parts[1]), unbase64(parts[2])
    if data is None or len(data) != 33 or data[0] != 1:
        raise ValueError("the vkey of %s does not hold an Ed25519 key" % name)
    if sha256(name.encode() + b"\n" + data)[:4] != key_id:
        raise ValueError("the vkey of %s has id %s, its key says %s: mistyped" % (name, parts[1], sha256(name.encode() + b"\n" + data)[:4].hex()))
    return {"name": name, "id": key_id, "public": data[1:]}


class Checkpoint:
    def __init__(self, origin, size, root):
        self.origin, self.size, self.root = origin, size, root


def open_checkpoint(note, keys):
    """Parses and verifies a signed note; raises BadNote with the reason."""
    try:
        text = note.decode("utf-8")
    except UnicodeDecodeError:
        raise BadNote("it is not UTF-8")
    if any(ord(char) < 0x20 and char != "\n" for char in text):
        raise BadNote("it holds a control character other than LF (a CR, perhaps)")
    head, middle, tail = text.rpartition("\n\n")
    if middle == "" or not tail.endswith("\n"):
        raise BadNote("it has no signatures after an empty line, or its last line is cut")
    signed = head + "\n"
    lines = tail[:-1].split("\n")
    if len(lines) > 16:
        raise BadNote("it has %d signature lines, at most 16 are allowed" % len(lines))
    check_signatures(signed.encode("utf-8"), lines, keys)
    return parse_checkpoint(head)


def check_signatures(signed, lines, keys):
    good, seen = 0, []
    for line in lines:
        match = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)", line)
        data = unbase64(match.group(2)) if match else None
        if match is None or data is None or len(data) < 5:
            raise BadNote("a signature line is malformed: %r" % line[:80])
        seen.append("%s (%s)" % (match.group(1), data[:4].hex()))
        for key in keys:
            if key["name"] == match.group(1) and key["id"] == data[:4]:
                if not ed25519_verify(key["public"], signed, data[4:]):
                    raise BadNote("the signature of %s (%s) does not verify" % (key["name"], key["id"].hex()))
                good += 1
    if good == 0:
        given = ", ".join("%s (%s)" % (key["name"], key["id"].hex()) for key in keys)
        raise BadNote("it is signed by %s; the keys given are %s: a pack of another hub, or a key is missing" % (", ".join(seen), given))


def parse_checkpoint(head):
    lines = head.split("\n")
    if len(lines) != 3:
        raise BadNote("a checkpoint has three lines, this one has %d" % len(lines))
    origin, size, root = lines[0], lines[1], unbase64(lines[2])
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", size):
        raise BadNote("its size %r is no number without leading zeroes" % size)
    if root is None or len(root) != 32:
        raise BadNote("its root is not 32 bytes in base64")
    if origin == "":
        raise BadNote("its origin is empty")
    return Checkpoint(origin, int(size), root)


# --- the tree (§2, §4) ------------------------------------------------------------------------------------------------


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def tree_root(hashes):
    """Root over leaf hashes; neighbours level by level, an odd last one goes up as it is."""
    if not hashes:
        return sha256(b"")
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def tile_path(prefix, number, width):
    groups = ["%03d" % (number % 1000)]
    number //= 1000
    while number > 0:
        groups.insert(0, "x%03d" % (number % 1000))
        number //= 1000
    return "%s/%s%s" % (prefix, "/".join(groups), "" if width == BUNDLE else ".p/%d" % width)


def tile_widths(size, level):
    """(number, width) of every tile of a level at a size."""
    count = size >> (8 * level)
    for number in range(count // BUNDLE):
        yield number, BUNDLE
    if count % BUNDLE:
        yield count // BUNDLE, count % BUNDLE


class Tree:
    """The hash tiles of the pack, each checked against the one below; what is missing or broken is a finding."""

    def __init__(self, pack, size, findings):
        self.size = size
        self.levels = []
        self.whole = True
        level = 0
        while size >> (8 * level) > 0:
            hashes = []
            for number, width in tile_widths(size, level):
                hashes.extend(self._tile(pack, level, number, width, findings))
            if level > 0:
                self._compare(level, hashes, findings)
            self.levels.append(hashes)
            level += 1

    def _tile(self, pack, level, number, width, findings):
        path = tile_path("tile/%d" % level, number, width)
        try:
            data = pack.read(path)
        except Unreadable as error:
            findings.add(12, path, "cannot be read: %s" % error)
            data = b""
        if data is None:
            findings.add(12, path, "this tile is missing (hashes %d to %d of level %d)" % (number * BUNDLE, number * BUNDLE + width - 1, level))
        elif len(data) != 32 * width:
            findings.add(12 if len(data) < 32 * width else 15, path, "%d bytes, %d expected" % (len(data), 32 * width))
        else:
            return [data[i : i + 32] for i in range(0, len(data), 32)]
        self.whole = False
        return [None] * width

    def _compare(self, level, hashes, findings):
        below = self.levels[level - 1]
        for index, given in enumerate(hashes):
            part = below[index * BUNDLE : (index + 1) * BUNDLE]
            if given is None or None in part:
                continue
            made = tree_root(part)
            if made != given:
                self.whole = False
                path = tile_path("tile/%d" % (level - 1), index, BUNDLE)
                said = "its hashes give %s, hash %d of level %d says %s" % (made.hex(), index, level, given.hex())
                findings.add(15, path, said)

    def leaf(self, index):
        return self.levels[0][index] if index < self.size else None

    def root_at(self, size):
        """Root of the first `size` entries; None where hashes are missing."""
        if size == 0:
            return sha256(b"")
        roots, start = [], 0
        for bit in range(size.bit_length() - 1, -1, -1):
            if size >> bit & 1:
                roots.append(self._subtree(start, bit))
                start += 1 << bit
        if None in roots:
            return None
        root = roots.pop()
        while roots:
            root = node_hash(roots.pop(), root)
        return root

    def _subtree(self, start, bits):
        """Root of 2^bits entries from `start`: from the highest tile level that holds it."""
        level = min(bits // 8, len(self.levels) - 1)
        unit = 8 * level
        part = self.levels[level][start >> unit : (start + (1 << bits)) >> unit]
        return None if None in part else tree_root(part)


def root_from_inclusion(leaf, index, size, proof):
    """RFC 6962 §2.1.1; None where the proof has the wrong length."""
    if index >= size:
        return None
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while node & 1 == 0 and node != 0:
                node >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        node >>= 1
        last >>= 1
    return result if last == 0 else None


# --- canonical JSON (RFC 8785) ----------------------------------------------------------------------------------------


class Number:
    """A number with a fraction or an exponent, kept as it was written."""

    def __init__(self, text):
        self.text = text


def no_constant(text):
    raise ValueError("%s is no JSON" % text)


def unique_members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def parse_json(data):
    return json.loads(data.decode("utf-8"), object_pairs_hook=unique_members, parse_constant=no_constant, parse_float=Number)


# Made once: json.dumps makes a new encoder for every string.
write_scalar = json.JSONEncoder(ensure_ascii=False).encode


def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{%s}" % ",".join("%s:%s" % (canonical(key), canonical(value[key])) for key in keys)
    if isinstance(value, list):
        return "[%s]" % ",".join(canonical(item) for item in value)
    if isinstance(value, Number):
        return value.text
    return write_scalar(value)


def canonical_bytes(value):
    return canonical(value).encode("utf-8")


# --- entries (§1) -----------------------------------------------------------------------------------------------------

ALWAYS = ("v", "id", "t", "actor", "action", "evidence")
MEMBERS = frozenset(ALWAYS + ("platform", "delivery", "batch", "from", "to", "attempt", "epoch", "payloadCommit", "receiptHash"))
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def only_text(value):
    if isinstance(value, dict):
        return all(only_text(item) for item in value.values())
    if isinstance(value, list):
        return all(only_text(item) for item in value)
    return isinstance(value, str)


def entry_fault(data):
    """(entry, None) or (None, what is wrong)."""
    if len(data) > ENTRY_LIMIT:
        return None, "%d bytes, at most %d are allowed" % (len(data), ENTRY_LIMIT)
    try:
        entry = parse_json(data)
        if not isinstance(entry, dict) or canonical_bytes(entry) != data:
            return None, "it is not the canonical form of itself"
    except (ValueError, RecursionError) as error:
        return None, "it is no JSON: %s" % error
    unknown = sorted(set(entry) - MEMBERS)
    missing = [name for name in ALWAYS if name not in entry]
    if unknown or missing:
        return None, "unknown members %s, missing members %s" % (unknown, missing)
    if not only_text(entry) or not isinstance(entry["evidence"], dict):
        return None, "a value is not text"
    if entry["v"] != "1" or not UUID.fullmatch(entry["id"]) or not INSTANT.fullmatch(entry["t"]):
        return None, "version, id or time is malformed"
    return entry, None


def split_bundle(data):
    """The entries of a bundle; None where it is cut."""
    entries, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            return None
        (length,) = struct.unpack_from(">H", data, at)
        at += 2
        if at + length > len(data):
            return None
        entries.append(data[at : at + length])
        at += length
    return entries


# --- batch states (§8) ------------------------------------------------------------------------------------------------

TABLE = {
    "SEALED": {
        "intent": "SENDING", "cancelled": "SETTLED", "recut": "SPLIT", "refused-alone": "SETTLED",
    },
    "SENDING": {
        "answered": "SETTLED", "received": "RECEIVED", "partial": "RECEIVED", "not-sent": "RETRY_WAIT",
        "refused": "SPLIT", "refused-alone": "SETTLED", "refused-too-many": "HELD", "contract-fault": "HELD",
        "conflict": "HELD", "unknown": "UNKNOWN",
    },
    "RETRY_WAIT": {
        "intent": "SENDING", "recut": "SPLIT", "answered": "SETTLED", "received": "RECEIVED", "partial": "RECEIVED",
        "conflict": "HELD",
    },
    "UNKNOWN": {
        "answered": "SETTLED", "received": "RECEIVED", "partial": "RECEIVED", "refused": "SPLIT",
        "refused-alone": "SETTLED", "refused-too-many": "HELD", "absent": "RETRY_WAIT", "conflict": "HELD",
        "unknown": "UNKNOWN", "intent-same-key": "SENDING", "overdue": "HELD", "unaskable": "HELD",
    },
    "RECEIVED": {
        "answered": "SETTLED", "received": "RECEIVED", "partial": "RECEIVED", "refused": "SPLIT",
        "refused-alone": "SETTLED", "refused-too-many": "HELD", "unknown": "RECEIVED", "absent": "UNKNOWN",
        "conflict": "HELD", "overdue": "HELD",
    },
    "SETTLED": {
        "answered": "SETTLED", "received": "SETTLED", "partial": "SETTLED", "conflict": "SETTLED",
    },
    "SPLIT": {},
    "HELD": {
        "released": "RETRY_WAIT", "closed-by-hand": "SETTLED", "answered": "SETTLED", "refused": "SPLIT",
        "refused-alone": "SETTLED", "refused-too-many": "HELD", "received": "HELD", "partial": "HELD",
        "unknown": "HELD", "absent": "HELD", "conflict": "HELD",
    },
}
INTENTS = ("intent", "intent-same-key")


class Batch:
    """What the log says of one batch."""

    def __init__(self, batch_id):
        self.id = batch_id
        self.platform = None
        self.state = None
        self.settled_by = None
        self.settled_at = None
        self.epoch = 0
        self.attempt = None
        self.sealed = None
        self.sealed_index = None
        self.exceptions = {}
        self.answers = {}
        self.receipts = {}


class Replay:
    """Walks the entries in the order of their indices; an arrow that the table does not know is a finding."""

    def __init__(self, findings, from_start):
        self.findings = findings
        self.from_start = from_start
        self.batches = {}

    def take(self, index, entry):
        batch_id = entry.get("batch")
        if batch_id is None:
            return
        batch = self.batches.setdefault(batch_id, Batch(batch_id))
        batch.platform = batch.platform or entry.get("platform")
        if "receiptHash" in entry:
            batch.receipts.setdefault(entry["receiptHash"], []).append((entry["t"], entry["evidence"].get("receiptId")))
        if "delivery" in entry:
            self._exception(index, entry, batch)
        elif "to" in entry:
            self._transition(index, entry, batch)

    def _exception(self, index, entry, batch):
        if "from" not in entry or "to" not in entry:
            return
        before = batch.exceptions.get(entry["delivery"], ("open", None))[0]
        settled_since = batch.settled_by == "answered" and before == "open"
        if entry["from"] != before and not (settled_since and entry["from"] == "accepted"):
            self._illegal(index, "member %s is %s, the entry begins at %s" % (entry["delivery"], before, entry["from"]))
        batch.exceptions[entry["delivery"]] = (entry["to"], index)
        batch.answers[entry["delivery"]] = (entry["evidence"].get("verdict"), entry.get("payloadCommit"), index)

    def _transition(self, index, entry, batch):
        event = entry["evidence"].get("event")
        if "from" not in entry:
            if entry["action"] != "batch.sealed" or entry["to"] != "SEALED" or batch.state is not None:
                self._illegal(index, "batch %s cannot begin with %s in state %s" % (batch.id, entry["action"], batch.state))
            batch.sealed, batch.sealed_index = entry, index
        else:
            self._arrow(index, entry, batch, event)
        self._counters(index, entry, batch, event)
        batch.state = entry["to"]
        if batch.state == "SETTLED":
            batch.settled_by, batch.settled_at = batch.settled_by or event, index

    def _arrow(self, index, entry, batch, event):
        begun = batch.state is not None
        if not begun and self.from_start:
            self._illegal(index, "batch %s was never sealed and goes from %s to %s" % (batch.id, entry["from"], entry["to"]))
        if begun and entry["from"] != batch.state:
            self._illegal(index, "batch %s is %s, the entry begins at %s" % (batch.id, batch.state, entry["from"]))
        if TABLE.get(entry["from"], {}).get(event) != entry["to"]:
            self._illegal(index, "batch %s: no arrow from %s by %s to %s" % (batch.id, entry["from"], event, entry["to"]))

    def _counters(self, index, entry, batch, event):
        epoch, attempt = entry.get("epoch"), entry.get("attempt")
        if epoch is not None:
            if not epoch.isdigit() or int(epoch) < batch.epoch:
                self._illegal(index, "batch %s: epoch %s after %d" % (batch.id, epoch, batch.epoch))
            batch.epoch = int(epoch) if epoch.isdigit() else batch.epoch
        if attempt is None:
            return
        given = int(attempt) if attempt.isdigit() else -1
        expected = given if batch.attempt is None and batch.sealed is None else (batch.attempt or 0) + (1 if event in INTENTS else 0)
        if given != expected:
            self._illegal(index, "batch %s: attempt %s, %d expected" % (batch.id, attempt, expected))
        batch.attempt = given

    def _illegal(self, index, said):
        self.findings.add(14, "entry %d" % index, said)


# --- the manifest (§7): signed by nobody, so its form alone is taken from it -------------------------------------------


def is_count(value):
    return type(value) is int and value >= 0


def is_texts(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


SHAPES = (
    ("origin", "text", lambda value: isinstance(value, str)),
    ("number", "a number from 1 on", lambda value: is_count(value) and value > 0),
    ("size", "a number", is_count),
    ("root", "text", lambda value: isinstance(value, str)),
    ("hubId", "text", lambda value: isinstance(value, str)),
    ("scope", "an object of texts with a `kind`", lambda value: isinstance(value, dict) and "kind" in value and is_texts(list(value.values()))),
    ("complete", "true or false", lambda value: isinstance(value, bool)),
    ("entries", "a list of numbers", lambda value: isinstance(value, list) and all(is_count(item) for item in value)),
    ("batches", "a list of batch ids, each once", lambda value: is_texts(value) and len(set(value)) == len(value)),
    ("files", "an object of objects", lambda value: isinstance(value, dict) and all(is_file(told) for told in value.values())),
)
KINDS = ("log", "period", "record", "batch", "enterprise")


def is_file(told):
    return isinstance(told, dict) and is_count(told.get("bytes")) and isinstance(told.get("sha256"), str)


def manifest_fault(manifest):
    """What is wrong with its form, in a sentence; None where nothing is."""
    if not isinstance(manifest, dict):
        return "it is no JSON object: this is no manifest of an evidence pack"
    if "format" not in manifest:
        return "it has no member `format`: this verifier reads %s, and nothing says that this is one" % FORMAT
    if manifest["format"] != FORMAT:
        return "format %s, this verifier reads %s" % (manifest["format"], FORMAT)
    missing = [name for name, _, _ in SHAPES if name not in manifest]
    if missing:
        return "it lacks %s" % ", ".join("`%s`" % name for name in missing)
    wrong = ["`%s` is not %s" % (name, shape) for name, shape, fits in SHAPES if not fits(manifest[name])]
    if not is_count(manifest.get("minimumIndex", 0)):
        wrong.append("`minimumIndex` is not a number")
    return "; ".join(wrong) or None


def number_of(origin):
    """`…-2` is the second log of its family, a name without a number the first."""
    match = re.search(r"-([1-9][0-9]*)$", origin)
    return int(match.group(1)) if match else 1


def instant(text):
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return None


# --- the verifier -----------------------------------------------------------------------------------------------------


class Verifier:
    def __init__(self, pack, keys, now):
        self.pack, self.keys, self.now = pack, keys, now
        self.findings = Findings()
        self.entries = {}
        self.summary = {}
        self.versions = {}
        self.totals = {}
        self.remarks = []
        self.cut_short = False

    def run(self, heads):
        manifest = self.read_manifest()
        if manifest is None:
            return
        self.summary["scope"] = manifest["scope"]
        self.check_files(manifest)
        head = self.read_note("checkpoint")
        if head is None:
            return
        self.head = head
        self.check_identity(manifest, head)
        tree = Tree(self.pack, head.size, self.findings)
        self.check_root("checkpoint", head, tree, head)
        self.check_older(head, tree)
        for name, data in heads:
            self.check_saved(name, data, head, tree)
        self.read_entries(manifest, head, tree)
        self.check_proofs(head)
        self.check_fresh(head)
        self.check_beginning(manifest, head)
        self.check_scope(manifest)
        self.check_listed(manifest)
        replay = self.replay(manifest, head)
        self.check_payloads(manifest)
        for batch_id in manifest["batches"]:
            self.check_batch(batch_id, replay.batches.get(batch_id), manifest)
        self.check_approvals(manifest)
        self.check_report()
        self.summary.update(complete=manifest["complete"])
        self.summary["from"] = manifest.get("minimumIndex", 0)
        self.summary.update(origin=head.origin, size=head.size, root=base64.b64encode(head.root).decode(), entries=len(self.entries), batches=len(manifest["batches"]))

    # files

    def load(self, name):
        try:
            return self.pack.read(name)
        except Unreadable as error:
            self.findings.add(15, name, "cannot be read: %s" % error)
            return None

    def read_manifest(self):
        data = self.load("manifest.json")
        if data is None:
            if not self.findings.all:  # else it stands in the zip and cannot be read
                self.findings.add(12, "manifest.json", "missing: this is no evidence pack, or it is cut short")
            return None
        try:
            manifest = parse_json(data)
        except (ValueError, RecursionError) as error:
            self.findings.add(15, "manifest.json", "cannot be read: %s" % error)
            return None
        fault = manifest_fault(manifest)
        if fault is not None:
            self.findings.add(15, "manifest.json", fault)
        return manifest if fault is None else None

    def check_files(self, manifest):
        for name in self.pack.doubled:
            self.findings.add(15, name, "stands twice in the zip")
        for name, told in sorted(manifest["files"].items()):
            if name not in self.pack.names:
                self.findings.add(12, name, "this file is missing (%s bytes, the manifest says)" % told.get("bytes"))
                continue
            data = self.load(name)
            if data is None:
                continue
            if len(data) < told.get("bytes", 0):
                self.findings.add(12, name, "cut: %d of %d bytes" % (len(data), told["bytes"]))
            elif hashlib.sha256(data).hexdigest() != told.get("sha256"):
                self.findings.add(15, name, "SHA-256 %s, the manifest says %s" % (hashlib.sha256(data).hexdigest(), told.get("sha256")))
        for name in sorted(self.pack.names - set(manifest["files"]) - {"manifest.json"}):
            self.findings.add(15, name, "the manifest does not know this file")

    def read_note(self, name):
        data = self.load(name)
        if data is None:
            if name not in self.pack.names:
                self.findings.add(12, name, "this checkpoint is missing")
            return None
        return self.open_note(name, data)

    def open_note(self, name, data):
        try:
            return open_checkpoint(data, self.keys)
        except BadNote as reason:
            self.findings.add(10, name, str(reason))
            return None

    # heads

    def check_identity(self, manifest, head):
        check_origin("checkpoint", head, self.keys, self.findings)
        told = (manifest["origin"], manifest["size"], manifest["root"])
        signed = (head.origin, head.size, base64.b64encode(head.root).decode())
        if told != signed:
            self.findings.add(15, "manifest.json", "it speaks of %s at size %s, root %s; the checkpoint of %s at size %s, root %s" % (told + signed))

    def check_root(self, name, checkpoint, tree, head):
        """The first `size` leaves must give the root that was signed."""
        if checkpoint.size > head.size:
            self.findings.add(12, name, "size %d, the pack's log ends at %d: its tail is missing" % (checkpoint.size, head.size))
            return
        root = tree.root_at(checkpoint.size)
        if root is not None and root != checkpoint.root:
            self.findings.add(11, name, "at size %d the tiles give root %s, the checkpoint says %s" % (checkpoint.size, root.hex(), checkpoint.root.hex()))

    def check_older(self, head, tree):
        current = number_of(head.origin)
        self.older = {}
        for name in sorted(self.pack.names):
            match = re.fullmatch(r"checkpoints/([1-9][0-9]*)/(0|[1-9][0-9]*)", name)
            if match is None:
                continue
            checkpoint = self.read_note(name)
            if checkpoint is None:
                continue
            if checkpoint.size != int(match.group(2)):
                self.findings.add(15, name, "it is a checkpoint of size %d" % checkpoint.size)
            self.older[(checkpoint.origin, checkpoint.size)] = checkpoint.root
            if int(match.group(1)) == current:
                if checkpoint.origin != head.origin:
                    self.findings.add(15, name, "origin %s, expected %s" % (checkpoint.origin, head.origin))
                self.check_root(name, checkpoint, tree, head)
        self.summary["checkpoints"] = len(self.older)

    def check_saved(self, name, data, head, tree):
        saved = self.open_note(name, data)
        if saved is None:
            return
        if saved.origin == head.origin:
            self.check_root(name, saved, tree, head)
            return
        family = re.sub(r"-[0-9]+$", "", head.origin)
        if re.sub(r"-[0-9]+$", "", saved.origin) != family:
            self.findings.add(10, name, "a head of %s, the pack is of %s" % (saved.origin, head.origin))
        elif (saved.origin, saved.size) not in self.older:
            self.findings.add(12, name, "a head of the older log %s at size %d, which this pack does not hold" % (saved.origin, saved.size))
        elif self.older[(saved.origin, saved.size)] != saved.root:
            self.findings.add(11, name, "the older log %s had another root at size %d" % (saved.origin, saved.size))

    # entries

    def read_entries(self, manifest, head, tree):
        first = manifest.get("minimumIndex", 0)
        seen = {}
        for number, width in tile_widths(head.size, 0):
            path = tile_path("tile/entries", number, width)
            inside = range(number * BUNDLE, number * BUNDLE + width)
            wanted = manifest["complete"] and inside[-1] >= first
            if path not in self.pack.names:
                if wanted:
                    self.findings.add(12, path, "this bundle is missing (entries %d to %d)" % (inside[0], inside[-1]))
                continue
            data = self.load(path)
            bundle = split_bundle(data) if data is not None else None
            if bundle is None or len(bundle) < width:
                got = "cut in the middle of an entry" if bundle is None else "%d entries" % len(bundle)
                self.findings.add(12, path, "%s, %d entries expected" % (got, width))
                bundle = bundle or []
            elif len(bundle) > width:
                self.findings.add(15, path, "%d entries, %d expected" % (len(bundle), width))
            for index, entry in zip(inside, bundle):
                self.take_entry(path, index, entry, tree, seen)
        for index in manifest["entries"]:
            if index not in self.entries:
                self.findings.add(12, "entry %s" % index, "the manifest discloses it, no bundle holds it soundly")

    def take_entry(self, path, index, data, tree, seen):
        leaf = tree.leaf(index)
        if leaf is not None and leaf_hash(data) != leaf:
            self.findings.add(15, path, "entry %d hashes to %s, the tile says %s" % (index, leaf_hash(data).hex(), leaf.hex()))
        entry, fault = entry_fault(data)
        if entry is None:
            self.findings.add(15, path, "entry %d: %s" % (index, fault))
            return
        if entry["id"] in seen:
            self.findings.add(15, path, "entry %d has the id of entry %d" % (index, seen[entry["id"]]))
        seen[entry["id"]] = index
        self.entries[index] = (entry, leaf_hash(data))

    def check_proofs(self, head):
        count = 0
        for name in sorted(self.pack.names):
            match = re.fullmatch(r"proofs/(0|[1-9][0-9]*)\.tlog-proof", name)
            if match is None:
                continue
            count += 1
            data = self.load(name)
            if data is not None:
                self.check_proof(name, int(match.group(1)), data, head)
        self.summary["proofs"] = count

    def check_proof(self, name, index, data, head):
        proof = LoneProof.parse(data)
        if proof is None or proof.index != index:
            self.findings.add(15, name, "it is no proof of entry %d in the format %s" % (index, PROOF_FORMAT))
            return
        extra, hashes = proof.entry, proof.hashes
        checkpoint = self.open_note(name, proof.note)
        if checkpoint is None:
            return
        if root_from_inclusion(leaf_hash(extra), index, checkpoint.size, hashes) != checkpoint.root:
            self.findings.add(15, name, "the proof does not lead from entry %d to the root of size %d" % (index, checkpoint.size))
        if checkpoint.origin != head.origin:
            self.findings.add(10, name, "proof of %s, the pack is of %s" % (checkpoint.origin, head.origin))
        if index in self.entries and self.entries[index][1] != leaf_hash(extra):
            self.findings.add(15, name, "it proves another entry %d than the bundle holds" % index)

    def check_fresh(self, head):
        last = self.entries.get(head.size - 1)
        if head.size == 0:
            return
        if last is None:
            self.findings.add(12, "entry %d" % (head.size - 1), "the last entry is not disclosed: nothing says how old the head is")
            return
        at = datetime.strptime(last[0]["t"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        self.summary["headTime"] = last[0]["t"]
        if self.now - at > timedelta(days=FRESH_DAYS):
            self.findings.add(13, "checkpoint", "its last entry is of %s, more than %d days before %s" % (last[0]["t"], FRESH_DAYS, self.now.isoformat()))

    # what the manifest says of itself

    def check_beginning(self, manifest, head):
        """Entries before the first one, and a log before this one, are the manifest's word alone until an entry tells of them."""
        low, number = manifest.get("minimumIndex", 0), number_of(head.origin)
        is_pruned = is_restarted = False
        if low > 0:
            is_pruned = any(entry["action"] == "log.pruned" and entry["evidence"].get("below") == str(low) for entry, _ in self.entries.values())
            if not is_pruned:
                self.findings.add(12, "manifest.json", "minimumIndex is %d, and no entry log.pruned says that the entries below %d were pruned" % (low, low))
        if manifest["number"] > 1:
            first = self.entries.get(0)
            is_restarted = first is not None and first[0]["action"] == "log.restarted"
            # A part of the log, or entry 0 pruned away with the rest: then the signed origin alone stands for the number.
            silent = not manifest["complete"] or (first is None and is_pruned)
            if silent:
                is_restarted = manifest["number"] == number
            elif not is_restarted:
                told = "is not in the pack" if first is None else "is %s" % first[0]["action"]
                self.findings.add(12, "manifest.json", "number is %d, so entry 0 must be log.restarted; it %s" % (manifest["number"], told))
        self.cut_short = manifest["complete"] and (is_pruned or is_restarted)
        if manifest["number"] != number:
            self.findings.add(15, "manifest.json", "number is %d, the signed origin %s is log number %d" % (manifest["number"], head.origin, number))

    def check_scope(self, manifest):
        scope, name = manifest["scope"], "manifest.json"
        kind, value = scope["kind"], scope.get("value")
        if kind not in KINDS:
            self.findings.add(15, name, "scope %s is none of %s" % (kind, ", ".join(KINDS)))
        if manifest["complete"] != (kind == "log"):
            said = "true for scope log alone" if manifest["complete"] else "true for scope log"
            self.findings.add(15, name, "complete is %s in scope %s: it is %s" % (canonical(manifest["complete"]), kind, said))
        listed = set(manifest["batches"])
        if kind == "batch" and not any(is_named(batch_id, value) for batch_id in listed):
            self.findings.add(15, name, "the scope is batch %s, which is not among its batches" % value)
        if kind != "period":
            return
        for index in sorted(self.entries):
            entry = self.entries[index][0]
            if entry["action"] == "batch.sealed" and entry.get("batch") in listed and entry["evidence"].get("period") != value:
                said = "the scope is period %s, entry %d sealed batch %s for %s"
                period = entry["evidence"].get("period")
                self.findings.add(15, name, said % (value, index, entry["batch"], "no period" if period is None else "period %s" % period))

    def check_listed(self, manifest):
        """A complete pack holds every batch that its entries seal."""
        if not manifest["complete"]:
            return
        listed = set(manifest["batches"])
        for index in sorted(self.entries):
            entry = self.entries[index][0]
            if entry["action"] != "batch.sealed" or "batch" not in entry:
                continue
            folder = "batches/%s/" % entry["batch"]
            if not self.pack.below(folder):
                self.findings.add(12, folder, "entry %d seals this batch, and the pack has no file of it" % index)
            if entry["batch"] not in listed:
                self.findings.add(12, "manifest.json", "entry %d seals batch %s, which is not among its batches" % (index, entry["batch"]))

    def replay(self, manifest, head):
        from_start = number_of(head.origin) == 1 and not self.cut_short
        replay = Replay(self.findings, from_start)
        disclosed = set(manifest["batches"])
        for index in sorted(self.entries):
            entry = self.entries[index][0]
            # In a pack of a part of the log other batches' entries stand beside the disclosed ones, incomplete.
            if manifest["complete"] or entry.get("batch") in disclosed or "batch" not in entry:
                replay.take(index, entry)
        return replay

    # payloads

    def check_payloads(self, manifest):
        commits = {entry["payloadCommit"]: index for index, (entry, _) in self.entries.items() if "payloadCommit" in entry}
        for name in sorted(self.pack.names):
            match = re.fullmatch(r"payloads/([0-9a-f]{64})", name)
            if match is None:
                continue
            payload, salt = self.load(name), self.load(name + ".salt")
            if payload is None or salt is None:
                self.findings.add(12, name + ".salt", "the salt of this payload is missing")
            elif sha256(b"\x02" + salt + payload).hex() != match.group(1):
                self.findings.add(15, name, "payload and salt give another commitment")
            elif match.group(1) not in commits:
                self.findings.add(15, name, "no disclosed entry commits to it")

    def read_json(self, name):
        data = self.load(name)
        if data is None:
            if name not in self.pack.names:
                self.findings.add(12, name, "this file is missing")
            return None
        try:
            return parse_json(data)
        except (ValueError, RecursionError) as error:
            self.findings.add(15, name, "it is no JSON: %s" % error)
            return None

    # batches

    def check_batch(self, batch_id, batch, manifest):
        folder = "batches/%s/" % batch_id
        if batch is None or batch.sealed is None:
            if self.cut_short:
                self.summary["unproven"] = self.summary.get("unproven", 0) + 1
                self.remarks.append("批次 %s 未经证明：其 batch.sealed 条目不在包内 (batch %s is not proven: its entry batch.sealed is not in the pack)" % (batch_id, batch_id))
            else:
                said = "no entry of this batch is in the pack" if batch is None else "its entry batch.sealed is not in the pack"
                self.findings.add(12, folder, "%s: nothing proves what stands in this folder" % said)
            return
        members = self.read_json(folder + "members.json")
        if members is None:
            return
        try:
            self.check_members(folder, batch, members, manifest)
            self.check_request(folder, batch, members)
            self.check_receipts(folder, batch)
            self.check_verdicts(folder, batch, members)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self.findings.add(15, folder, "its files are not of the form that the format page gives: %r" % error)

    def check_members(self, folder, batch, members, manifest):
        evidence, name = batch.sealed["evidence"], folder + "members.json"
        if evidence.get("members") != str(len(members)):
            self.findings.add(15, name, "%d members, entry %d says %s" % (len(members), batch.sealed_index, evidence.get("members")))
        root = tree_root([leaf_hash(bytes.fromhex(member["payloadDigest"])) for member in members]).hex()
        if root != evidence.get("manifestRoot"):
            self.findings.add(15, name, "the members' digests give root %s, entry %d says %s" % (root, batch.sealed_index, evidence.get("manifestRoot")))
        for row, member in enumerate(members, 1):
            key = short_digest(["hub-idem-v1", manifest["hubId"], batch.platform, member["recordKey"], member["version"], member["rendition"]])
            if member["row"] != row or member["idemKey"] != key:
                self.findings.add(15, name, "row %d: its key is %s, hub, platform, record and version give %s" % (row, member["idemKey"], key))
                break
        # The empty package of a period in which nothing was new (a nil return) has the period for a name.
        keys = sorted(member["idemKey"] for member in members) or ["nil/%s" % evidence.get("period")]
        made = short_digest(["hub-batch-v1", batch.platform, keys])
        if made != batch.id:
            self.findings.add(15, name, "its members give batch id %s, not %s" % (made, batch.id))

    def check_request(self, folder, batch, members):
        name = folder + "request"
        if name not in self.pack.names:
            self.undisclosed(folder, batch)
            self.check_single_records(folder, members)
            if folder + "package" in self.pack.names:
                self.check_package(folder + "package", members)
            return
        body, salt = self.load(name), self.load(folder + "salt")
        if salt is None:
            self.findings.add(12, folder + "salt", "this salt is missing")
        elif body is not None and sha256(b"\x02" + salt + body).hex() != batch.sealed.get("payloadCommit"):
            self.findings.add(15, name, "bytes and salt give another commitment than entry %d" % batch.sealed_index)
        # Where the platform wants another form, the hub's own package stands beside the body that was rendered from it.
        name = folder + "package" if folder + "package" in self.pack.names else name
        self.check_package(name, members)

    def check_package(self, name, members):
        sent = self.read_json(name)
        if sent is not None:
            self.check_records(name, sent["records"], members)

    def undisclosed(self, folder, batch):
        """Named: a pack without the contents would look as good as one with them."""
        self.summary["undisclosed"] = self.summary.get("undisclosed", 0) + 1
        self.summary.setdefault("undisclosedBatches", []).append(batch.id)
        if not any(name.startswith(folder + "records/") for name in self.pack.below(folder)):
            self.remarks.append("批次 %s 的内容不在包内，包未证明其内容 (no content of batch %s is in the pack, which says nothing of it)" % (batch.id, batch.id))

    def check_single_records(self, folder, members):
        """Packs about single records hold only their data: the canonical bytes that the member's digest is over."""
        for name in self.pack.below(folder):
            match = re.fullmatch(r"records/([1-9][0-9]*)\.json", name[len(folder):])
            data = self.load(name) if match else None
            if data is None:
                continue
            row = int(match.group(1))
            digest = hashlib.sha256(data).hexdigest()
            if row > len(members) or members[row - 1]["payloadDigest"] != digest:
                self.findings.add(15, name, "SHA-256 %s, not the digest of row %d in members.json" % (digest, row))

    def check_records(self, name, records, members):
        if len(records) != len(members):
            self.findings.add(15, name, "%d records, members.json has %d" % (len(records), len(members)))
        for member, record in zip(members, records):
            digest = sha256(canonical_bytes(record["data"])).hex()
            if digest != member["payloadDigest"]:
                self.findings.add(15, name, "row %d: its data hash to %s, members.json says %s" % (member["row"], digest, member["payloadDigest"]))
            said = (record["rowId"], record["recordKey"], record["dataVersion"], {"U": "UPSERT", "D": "WITHDRAW"}.get(record["op"]))
            told = (member["idemKey"], member["recordKey"], member["version"], member["operation"])
            if said != told:
                self.findings.add(15, name, "row %d: sent as %s, members.json says %s" % (member["row"], said, told))

    def check_receipts(self, folder, batch):
        found = set()
        for name in self.pack.below(folder):
            if not name.startswith(folder + "receipts/") or name.endswith(".json"):
                continue
            data, about = self.load(name), self.read_json(name + ".json")
            if data is None or about is None:
                continue
            digest = hashlib.sha256(data).hexdigest()
            found.add(about["sha256"])
            if about["sha256"] != digest:
                self.findings.add(15, name, "SHA-256 %s, %s.json says %s" % (digest, name, about["sha256"]))
            elif digest not in batch.receipts:
                self.findings.add(15, name, "no entry of the batch tells of a receipt with SHA-256 %s" % digest)
            else:
                self.check_about(name + ".json", about, batch.receipts[digest])
        for digest in sorted(set(batch.receipts) - found):
            self.findings.add(12, folder + "receipts/", "the receipt with SHA-256 %s is logged and not in the pack" % digest)

    def check_about(self, name, about, logged):
        """Number and time of a receipt are those of the entries that tell of its bytes."""
        numbers = [number for _, number in logged if isinstance(number, str)]
        if numbers and about["receiptId"] not in numbers and about["receiptId"] not in [kept_number(number) for number in numbers]:
            self.findings.add(15, name, "receiptId %s, the log says %s" % (about["receiptId"], " or ".join(sorted(set(numbers)))))
        at = instant(about["receivedAt"])
        if at is None:
            self.findings.add(15, name, "receivedAt %s is no instant" % about["receivedAt"])
        elif not any(abs(at - (instant(t) or datetime.max)) <= timedelta(minutes=1) for t, _ in logged):
            said = "receivedAt %s, more than a minute from the entries that tell of this receipt: %s"
            self.findings.add(15, name, said % (about["receivedAt"], ", ".join(t for t, _ in logged)))

    def check_verdicts(self, folder, batch, members):
        name = folder + "verdicts.json"
        verdicts = self.read_json(name)
        if verdicts is None:
            return
        if [verdict["idemKey"] for verdict in verdicts] != [member["idemKey"] for member in members]:
            self.findings.add(15, name, "its rows are not those of members.json")
            return
        keys = {member["idemKey"] for member in members}
        for key, (_, index) in batch.exceptions.items():
            if key not in keys:
                self.findings.add(14, "entry %d" % index, "member %s is not in batch %s" % (key, batch.id))
        usual = "accepted" if batch.settled_by == "answered" else "open"
        for member, verdict in zip(members, verdicts):
            state = "split" if batch.state == "SPLIT" else batch.exceptions.get(member["idemKey"], (usual, None))[0]
            if verdict["state"] != state:
                self.findings.add(15, name, "row %d is %s, the log says %s" % (member["row"], verdict["state"], state))
            self.check_answer(name, batch, member, state, verdict)
            self.count(batch, member, state)

    def check_answer(self, name, batch, member, state, told):
        """Verdict and reason are those of the member's own entry; without one `OK` where its batch was accepted, else nothing."""
        logged = None if state == "split" else batch.answers.get(member["idemKey"])
        expected, commit, index = logged or ("OK" if state == "accepted" else None, None, None)
        row, reason = member["row"], told.get("reason")
        if told.get("verdict") != expected:
            self.findings.add(15, name, "row %s has the verdict %r, the log says %r" % (row, told.get("verdict"), expected))
        if reason is None:
            if commit is not None:
                self.summary["undisclosedReasons"] = self.summary.get("undisclosedReasons", 0) + 1
            return
        if commit is None:
            self.findings.add(15, name, "row %s has a reason, no entry commits to one" % row)
            return
        salt = bytes.fromhex(told.get("salt") or "")
        if sha256(b"\x02" + salt + reason.encode("utf-8")).hex() != commit:
            self.findings.add(15, name, "row %s: reason and salt give another commitment than entry %s" % (row, index))

    def count(self, batch, member, state):
        if state == "split":
            return
        total = self.totals.setdefault(batch.platform, {})
        total[state] = total.get(state, 0) + 1
        if state == "accepted":
            self.versions.setdefault((batch.platform, member["recordKey"]), []).append((batch.settled_at, member["version"], member["rendition"], batch.id))

    # what was made from the rest

    def check_order(self):
        for (platform, key), applied in sorted(self.versions.items()):
            applied.sort()
            for earlier, later in zip(applied, applied[1:]):
                if later[1:3] <= earlier[1:3]:
                    said = "%s took version %d of record %s after version %d" % (platform, later[1], key, earlier[1])
                    self.findings.add(14, "entry %d" % later[0], said)

    def check_approvals(self, manifest):
        approvals = self.read_json("approvals.json")
        if approvals is None:
            return
        named = set()
        try:
            for approval in approvals:
                self.check_approval(approval)
                named.update((str(approval["id"]), index) for index in approval["entries"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self.findings.add(15, "approvals.json", "it is not of the form that the format page gives: %r" % error)
            return
        if manifest["complete"]:
            self.check_unnamed(named)

    def check_approval(self, approval):
        number = str(approval["id"])
        if not approval["entries"]:
            self.findings.add(15, "approvals.json", "request %s names no entry: nothing in the log tells of it" % number)
        for index in approval["entries"]:
            entry = self.entries.get(index)
            if entry is None:
                self.findings.add(12, "approvals.json", "request %s names entry %s, which is not in the pack" % (number, index))
            elif entry[0]["evidence"].get("request") != number:
                self.findings.add(15, "approvals.json", "entry %s does not speak of request %s" % (index, number))
            else:
                self.check_step(number, approval, index, entry[0])

    def check_step(self, number, approval, index, entry):
        """Who asked, claimed or decided is the actor of the entry that says so."""
        action = entry["action"]
        who = WHO.get(action)
        if who is not None and approval.get(who) != entry["actor"]:
            said = "request %s: %s is %s, the actor of entry %s (%s) is %s"
            told = approval.get(who)
            self.findings.add(15, "approvals.json", said % (number, who, "nobody" if told is None else told, index, action, entry["actor"]))
        state = approval.get("state")
        if (action, state) in (("approval.approved", "refused"), ("approval.refused", "approved")):
            self.findings.add(15, "approvals.json", "request %s: state is %s, entry %s is %s" % (number, state, index, action))

    def check_unnamed(self, named):
        for index in sorted(self.entries):
            entry = self.entries[index][0]
            number, action = entry["evidence"].get("request"), entry["action"]
            if not isinstance(number, str) or not action.startswith("approval.") or (number, index) in named:
                continue
            # Somebody tried to decide on a request that there never was.
            if action == "approval.denied" and entry["evidence"].get("code") == "APPROVAL_UNKNOWN":
                continue
            self.findings.add(15, "approvals.json", "entry %d (%s) speaks of request %s, which is not named with it here" % (index, action, number))

    def check_report(self):
        self.check_order()
        report = self.read_json("report.json")
        if report is None:
            return
        if report.get("members") != self.totals:
            self.findings.add(15, "report.json", "it counts %s, a recount gives %s" % (canonical(report.get("members")), canonical(self.totals)))


WHO = {"approval.asked": "askedBy", "approval.claimed": "claimedBy", "approval.approved": "decidedBy", "approval.refused": "decidedBy"}


def is_named(batch_id, value):
    """A scope may name a batch by the beginning of its id."""
    return isinstance(value, str) and len(value.strip()) >= 8 and batch_id.startswith(value.strip().lower())


def kept_number(number):
    """A receipt's number as the hub keeps it: its first 255 UTF-16 units."""
    return number.encode("utf-16-le", "surrogatepass")[:510].decode("utf-16-le", "replace")


def check_origin(where, head, keys, findings):
    names = [key["name"] for key in keys]
    if head.origin not in names and re.sub(r"-[0-9]+$", "", head.origin) not in names:
        findings.add(10, where, "origin %s, the keys given are for %s: a pack of another hub" % (head.origin, ", ".join(names)))


# --- one proof alone --------------------------------------------------------------------------------------------------

PROOF_FORMAT = "c2sp.org/tlog-proof@v1"


class LoneProof:
    """A `.tlog-proof`: one entry under a signed head and, with --member, the place of one record in the batch that it sealed."""

    def __init__(self, entry, index, hashes, note):
        self.entry, self.index, self.hashes, self.note = entry, index, hashes, note

    @classmethod
    def parse(cls, data):
        head, found, note = data.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        if not found or len(lines) < 3 or lines[0] != PROOF_FORMAT or not lines[1].startswith("extra "):
            return None
        entry, place = unbase64(lines[1][6:]), re.fullmatch(r"index (0|[1-9][0-9]{0,14})", lines[2])
        hashes = [unbase64(line) for line in lines[3:]]
        if entry is None or place is None or any(one is None or len(one) != 32 for one in hashes):
            return None
        return cls(entry, int(place.group(1)), hashes, note)

    def verify(self, name, keys, heads, members, findings):
        try:
            head = open_checkpoint(self.note, keys)
        except BadNote as reason:
            findings.add(10, name, str(reason))
            return {}
        check_origin(name, head, keys, findings)
        if root_from_inclusion(leaf_hash(self.entry), self.index, head.size, self.hashes) != head.root:
            findings.add(15, name, "the proof does not lead from entry %d to the root of size %d" % (self.index, head.size))
        for saved_name, data in heads:
            self.compare(saved_name, data, head, keys, findings)
        entry, fault = entry_fault(self.entry)
        if entry is None:
            findings.add(15, name, "entry %d: %s" % (self.index, fault))
            entry = {}
        else:
            for member_name, data in members:
                check_place(member_name, data, entry, findings)
        summary = {"origin": head.origin, "size": head.size, "root": base64.b64encode(head.root).decode(), "index": self.index}
        summary.update((part, entry[part]) for part in ("t", "action", "actor", "platform", "batch") if part in entry)
        return summary

    @staticmethod
    def compare(name, data, head, keys, findings):
        """Without tiles two heads can only be compared where they are of one size."""
        try:
            saved = open_checkpoint(data, keys)
        except BadNote as reason:
            findings.add(10, name, str(reason))
            return
        if (saved.origin, saved.size) == (head.origin, head.size) and saved.root != head.root:
            findings.add(11, name, "at size %d it has root %s, the proof's checkpoint %s" % (head.size, saved.root.hex(), head.root.hex()))


def check_place(name, data, entry, findings):
    """Place of a record in the manifest that `batch.sealed` commits to."""
    try:
        told = parse_json(data)
        batch, row, count = told["batchId"], told["row"], told["members"]
        digest, path = bytes.fromhex(told["payloadDigest"]), [bytes.fromhex(text) for text in told["manifestProof"]]
        if not (isinstance(row, int) and isinstance(count, int) and len(digest) == 32):
            raise ValueError("row, members or payloadDigest is malformed")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        findings.add(15, name, "it is no place of a record: %r" % error)
        return
    evidence = entry["evidence"]
    if entry["action"] != "batch.sealed" or entry.get("batch") != batch:
        findings.add(15, name, "it speaks of batch %s, the entry is %s of batch %s" % (batch, entry["action"], entry.get("batch")))
    elif evidence.get("members") != str(count) or row < 1:
        findings.add(15, name, "row %d of %d; the entry says that the batch has %s members" % (row, count, evidence.get("members")))
    else:
        root = root_from_inclusion(leaf_hash(digest), row - 1, count, path)
        if root is None or root.hex() != evidence.get("manifestRoot"):
            findings.add(15, name, "row %d does not lead to the manifest root %s" % (row, evidence.get("manifestRoot")))


def lone_proof(path):
    """The bytes of a `.tlog-proof`; None where it is something else."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        first = file.read(len(PROOF_FORMAT))
        return first + file.read() if path.endswith(".tlog-proof") or first == PROOF_FORMAT.encode() else None


def short_digest(parts):
    return base64.b32encode(sha256(canonical_bytes(parts))).decode().lower()[:40]


# --- command line -----------------------------------------------------------------------------------------------------


class Usage(Exception):
    pass


def parse_arguments(argv):
    options = {"keys": [], "heads": [], "members": [], "seen": None, "no_seen": False, "now": None, "json": False, "pack": None}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in ("--key", "--head", "--member", "--seen", "--now"):
            if not rest:
                raise Usage("%s wants a value" % word)
            value = rest.pop(0)
            if word in ("--key", "--head", "--member"):
                options[word[2:] + "s"].append(value)
            else:
                options[word[2:]] = value
        elif word in ("--json", "--no-seen"):
            options[word[2:].replace("-", "_")] = True
        elif word.startswith("--") or options["pack"] is not None:
            raise Usage("unknown argument %s" % word)
        else:
            options["pack"] = word
    if options["pack"] is None:
        raise Usage("name the pack")
    if not options["keys"]:
        raise Usage("give the public key with --key: it stands on the paper that was handed over, never in the pack")
    return options


def read_instant(text):
    if text is None:
        return datetime.now(timezone.utc)
    try:
        at = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    except ValueError:
        raise Usage("--now %s is no instant such as 2026-11-27T09:00:00+08:00" % text)
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def read_heads(options, origin):
    """(name, bytes) of every saved head; the one kept by an earlier verification among them."""
    heads = []
    for name in options["heads"]:
        if not os.path.isfile(name):
            raise Usage("there is no saved head %s" % name)
        with open(name, "rb") as file:
            heads.append((name, file.read()))
    seen = options["seen"] or re.sub(r"[^A-Za-z0-9.-]+", "_", origin) + ".head"
    if not options["no_seen"] and os.path.isfile(seen):
        with open(seen, "rb") as file:
            heads.append((seen, file.read()))
    return heads, seen


def read_members(options):
    for name in options["members"]:
        if not os.path.isfile(name):
            raise Usage("there is no member file %s" % name)
        with open(name, "rb") as file:
            yield name, file.read()


HELP = """用法 (usage): python3 verify.py PACK|FILE.tlog-proof --key VKEY [options]

  PACK              证据包的文件夹或 zip，或 hub log prove 所存的 .tlog-proof (folder or zip of a pack, or one proof)
  --key VKEY        交接单上的公钥，可多次 (public key from the paper that was handed over; again for more keys)
  --head FILE       以前留存的检查点，可多次 (a head that was saved before; again for more)
  --member FILE     hub log prove 所存的 .member.json：记录在批次清单中的位置 (place of a record; with a .tlog-proof)
  --seen FILE       记住最新检查点的文件，默认 <origin>.head (where the newest good head is kept)
  --no-seen         不读不写该文件 (neither read nor write it)
  --now INSTANT     以此刻为准判断是否过期 (hold the age of the head against this instant)
  --json            输出 JSON (print JSON)

退出码 (exit): 0 好 good · 10 签名 signature · 11 分叉 fork · 12 缺失 gap · 13 过期 stale · 14 非法状态 transition · 15 内容不符 content · 2 用法 usage"""


def keep_head(verifier, seen, heads):
    """The newest good head is what the next pack must extend."""
    known = [open_checkpoint(data, verifier.keys) for name, data in heads if name == seen]
    if known and known[0].origin == verifier.head.origin and known[0].size >= verifier.head.size:
        return
    with open(seen + ".new", "wb") as file:
        file.write(verifier.pack.read("checkpoint"))
    os.replace(seen + ".new", seen)


def main(argv):
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    try:
        options = parse_arguments(argv)
        keys = [parse_key(text) for text in options["keys"]]
        now = read_instant(options["now"])
        heads, seen = read_heads(options, keys[0]["name"])
        members = list(read_members(options))
        lone = lone_proof(options["pack"])
    except (Usage, ValueError) as error:
        print("用法不对 (wrong usage): %s" % error, file=sys.stderr)
        return 2
    if lone is not None:
        return verify_lone(options, lone, (keys, heads, members))
    try:
        verifier = Verifier(Pack(options["pack"]), keys, now)
        verifier.run(heads)
        findings, summary, remarks = verifier.findings, verifier.summary, verifier.remarks
    except Unreadable as error:
        findings, summary, remarks = Findings(), {}, []
        findings.add(12, options["pack"], str(error))
    code = findings.exit_code()
    if code == 0 and not options["no_seen"]:
        keep_head(verifier, seen, heads)
    tell(code, findings, summary, options["json"], remarks)
    return code


def verify_lone(options, data, known):
    findings, summary, proof = Findings(), {}, LoneProof.parse(data)
    if proof is None:
        findings.add(15, options["pack"], "it is no proof in the format %s" % PROOF_FORMAT)
    else:
        summary = proof.verify(options["pack"], *known, findings=findings)
    code = findings.exit_code()
    tell(code, findings, summary, options["json"])
    return code


def visible(text):
    """Words of a pack cannot draw lines of their own, nor hide any."""
    return "".join("\\u%04x" % ord(char) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in str(text))


def tell(code, findings, summary, as_json, remarks=()):
    if as_json:
        text = json.dumps({"good": code == 0, "code": code, "findings": findings.all, "summary": summary}, ensure_ascii=False, indent=2)
        print(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        return
    for finding in findings.all:
        zh, en = MEANS[finding["code"]]
        print(visible("✗ %d %s (%s)  %s: %s" % (finding["code"], zh, en, finding["where"], finding["said"])))
    if code == 0:
        print("✓ 证据包可信 (the pack verifies)")
    for remark in remarks:
        print(visible("! %s" % remark))
    for name, value in summary.items():
        if name == "scope":
            value = "%s  证据包自述 (the pack's own word)" % " ".join(part for part in value.values() if part)
        elif isinstance(value, list):
            value = ", ".join(value)
        if value not in (None, ""):
            print(visible("  %s: %s" % (name, value)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
