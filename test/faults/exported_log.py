"""Reads an exported log (docs/evidence-format.md §1-§4, §7) from its bytes alone: entry bundles, signed heads, signatures.
Knows nothing of the hub's code. Python 3, standard library only."""
import base64
import hashlib
import json
import os

MEMBERS = {"v", "id", "t", "actor", "action", "platform", "delivery", "batch", "from", "to", "attempt", "epoch",
           "payloadCommit", "receiptHash", "evidence"}
ALWAYS = {"v", "id", "t", "actor", "action", "evidence"}


def sha256(data):
    return hashlib.sha256(data).digest()


def read_entries(folder, fault):
    """Entries as (bytes, dict), in the order of their index. A missing bundle is a gap."""
    root = os.path.join(folder, "tile", "entries")
    found = {}
    for path, _, names in os.walk(root):
        for name in names:
            where = os.path.relpath(os.path.join(path, name), root).split(os.sep)
            if where[-2:-1] and where[-2].endswith(".p"):
                where = where[:-2] + [where[-2][:-2]]
            number = int("".join(part.lstrip("x") for part in where))
            with open(os.path.join(path, name), "rb") as file:
                found[number] = file.read()
    if sorted(found) != list(range(len(found))):
        fault("I16", "entry bundles %s" % sorted(found)[:5])
    entries = []
    for number in sorted(found):
        data, at, count = found[number], 0, 0
        while at < len(data):
            length = int.from_bytes(data[at:at + 2], "big")
            entries.append(data[at + 2:at + 2 + length])
            at += 2 + length
            count += 1
        if number < len(found) - 1 and count != 256:
            fault("I16", "bundle %d holds %d entries" % (number, count))
    return [(raw, read_entry(raw, index, fault)) for index, raw in enumerate(entries)]


def read_entry(raw, index, fault):
    entry = json.loads(raw)
    keys = set(entry)
    if keys - MEMBERS or ALWAYS - keys or not only_text(entry):
        fault("I16", "entry %d is malformed" % index)
    if canonical(entry) != raw:
        fault("I16", "entry %d is not the canonical form of itself" % index)
    return entry


def only_text(value):
    if isinstance(value, dict):
        return all(only_text(member) for member in value.values())
    if isinstance(value, list):
        return all(only_text(member) for member in value)
    return isinstance(value, str)


def canonical(value):
    """RFC 8785 of text, objects and arrays: members in the order of their UTF-16 code units."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return b"{" + b",".join(canonical(name) + b":" + canonical(value[name]) for name in names) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(member) for member in value) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()


class Tree:
    """RFC 6962, leaf by leaf; `root` at any moment."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def append(self, data):
        node, bit = sha256(b"\x00" + data), self.size
        while bit & 1:
            node, bit = sha256(b"\x01" + self.peaks.pop() + node), bit >> 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = sha256(b"\x01" + peak + node)
        return node


def root_of(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def open_note(text, vkey, fault):
    """(origin, size, root) of a signed head; its signature by the one key that the auditors have."""
    body, signatures = text.split("\n\n", 1)
    body += "\n"
    origin, size, root = body.split("\n")[:3]
    name, key_id, key = vkey.split("+", 2)
    public = base64.b64decode(key)[1:]
    good = False
    for line in signatures.splitlines():
        _, signer, signed = line.split(" ")
        raw = base64.b64decode(signed)
        if signer == name and raw[:4].hex() == key_id:
            good = verify(public, body.encode(), raw[4:])
    if not good:
        fault("I16", "head of %s entries is not signed by the auditors' key" % size)
    return origin, int(size), base64.b64decode(root)


# Ed25519 (RFC 8032), verification only.
P = 2 ** 255 - 19
Q = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def add(a, b):
    p, q = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    r, s = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify(public, message, signature):
    a, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    return same(times(s, BASE), add(r, times(h, a)))
