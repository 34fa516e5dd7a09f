#!/usr/bin/env python3
"""Independent checker of a fault run: reads what the bureau dropped, what came over the wire, what the far platform applied, a
dump of the hub's tables and its exported log; knows nothing of the hub's code. Python 3, standard library only.

    python3 checker.py FOLDER   ->  {"lost": n, "doubled": n, "unexpected": n, "broken": {"I1": [...], ...}, …}

Exit code 0 when nothing is lost, doubled, unexpected or broken, else 1. Invariants as in the delivery protocol (I1 … I22).
"""
import base64
import hashlib
import json
import os
import sys

from log_checks import check_log, check_periods

POISON = "平台不收"


def lines(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


class Run:
    """What a fault run left behind."""

    def __init__(self, folder):
        self.folder = folder
        self.wire = self.lines("wire.jsonl")
        self.submits = [line for line in self.wire if line["kind"] == "submit"]
        with open(os.path.join(folder, "facts.json"), encoding="utf-8") as file:
            self.facts = json.load(file)

    def lines(self, name):
        return lines(self.folder, name)

    def table(self, name):
        return self.lines(name + ".jsonl")


# What may hold the platform's token: what came over the wire is not recorded with it, so only the checker's own facts.
MAY_TELL = {"facts.json"}


def check_secrets(run, fault):
    """I18: the platform's token is in no table, no trace, no pack, no file of the hub."""
    token = run.facts["token"].encode()
    for path, _, names in os.walk(run.folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                if name not in MAY_TELL and token in file.read():
                    fault("I18", "the token stands in %s" % name)


def check_leftovers(run, fault):
    """I20: no half-written files, and a write-ahead log that was taken in."""
    for path, _, names in os.walk(run.folder):
        for name in names:
            size = os.path.getsize(os.path.join(path, name))
            if name.endswith((".part", ".tmp")) or name.startswith(".hub-pack-"):
                fault("I20", "%s was left" % name)
            if name.endswith("-wal") and size > 64_000_000:
                fault("I20", "%s has %d bytes" % (name, size))


def source_rows(folder):
    """Rows in the order the bureau dropped them."""
    inbox = os.path.join(folder, "inbox")
    rows = []
    for name in sorted(os.listdir(inbox)):
        if name.endswith(".ndjson"):
            with open(os.path.join(inbox, name), encoding="utf-8") as file:
                rows += [json.loads(line) for line in file if line.strip()]
    return rows


def expected_state(rows):
    """number -> (live, content) of its newest state; poison never arrives."""
    newest = {}
    for row in rows:
        before = newest.get(row["number"])
        if before is None or row["revised"] >= before["revised"]:
            newest[row["number"]] = row
    return newest


def main(folder):
    broken = {}

    def fault(invariant, text):
        broken.setdefault(invariant, []).append(text)

    run = Run(folder)
    rows = source_rows(folder)
    newest = expected_state(rows)
    wire, effects = run.submits, lines(folder, "effects.jsonl")
    batches, deliveries = lines(folder, "batches.jsonl"), lines(folder, "deliveries.jsonl")
    records, tickets = lines(folder, "records.jsonl"), lines(folder, "quarantine.jsonl")
    versions, attempts = lines(folder, "versions.jsonl"), lines(folder, "attempts.jsonl")
    by_id = {record["id"]: record for record in records}
    batch_of = {batch["seq"]: batch for batch in batches}

    # I1: every row read ended as exactly one thing.
    for intake in lines(folder, "intakes.jsonl"):
        if intake["row_count"] != intake["accepted"] + intake["unchanged"] + intake["quarantined"]:
            fault("I1", "intake %s" % intake["id"])

    # What the platform holds in the end, from its own effects alone.
    held, applied, per_key = {}, {}, {}
    for effect in effects:
        number = effect["data"].get("XK_XKBH")
        held[effect["recordKey"]] = effect
        applied.setdefault(effect["recordKey"], []).append(effect)
        per_key[effect["rowId"]] = per_key.get(effect["rowId"], 0) + 1
        text = json.dumps(effect["data"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if hashlib.sha256(text.encode()).hexdigest() != effect["payloadHash"]:
            fault("I5", "payload hash of %s does not fit its data" % number)
    by_number = {}
    for effect in held.values():
        by_number.setdefault(effect["data"].get("XK_XKBH"), []).append(effect)

    lost, unexpected = [], []
    for number, row in newest.items():
        theirs = by_number.get(number, [])
        poisonous = POISON in row["content"]
        if poisonous:
            if theirs:
                unexpected.append("%s was refused and yet is there" % number)
        elif row["status"] == "revoked":
            if any(effect["op"] != "D" for effect in theirs):
                fault("I11", "%s is withdrawn and still live" % number)
                lost.append("withdrawal of %s" % number)
        elif not theirs:
            lost.append(number)
        elif theirs[-1]["op"] != "U" or theirs[-1]["data"].get("XK_NR") != row["content"]:
            lost.append("%s holds %s" % (number, theirs[-1]["data"].get("XK_NR")))
    for number, theirs in by_number.items():
        if number not in newest:
            unexpected.append("%s is not the bureau's" % number)
        if len(theirs) > 1:
            unexpected.append("%s stands there %d times" % (number, len(theirs)))

    # I9: one effect per key. I10: versions of one record strictly increase.
    doubled = ["%s %d times" % (key, count) for key, count in per_key.items() if count > 1]
    for key, list_of in applied.items():
        order = [effect["dataVersion"] for effect in list_of]
        if any(b <= a for a, b in zip(order, order[1:])) and not doubled:
            fault("I10", "%s got versions %s" % (key[:12], order))

    # I7: per key one payload, per package one body, whatever was sent how often.
    payloads, bodies = {}, {}
    for request in wire:
        if not request["whole"]:
            continue
        body = base64.b64decode(request["body"])
        if hashlib.sha256(body).hexdigest() != request["sha256"]:
            fault("I7", "recorder is broken")
        bodies.setdefault(request["key"], set()).add(request["sha256"])
        for record in json.loads(body)["records"]:
            payloads.setdefault(record["rowId"], set()).add(record["payloadHash"])
    for key, digests in list(payloads.items()) + list(bodies.items()):
        if len(digests) > 1:
            fault("I7", "%s was sent with %d contents" % (key, len(digests)))

    # I2: per version of a record and platform at most one delivery per rendition; every effect has its delivery.
    seen = set()
    for delivery in deliveries:
        place = (delivery["platform"], delivery["record_id"], delivery["version"], delivery["rendition"])
        if place in seen:
            fault("I2", "delivery %s twice" % (place,))
        seen.add(place)
    keys = {delivery["idem_key"]: delivery for delivery in deliveries}
    for key in per_key:
        if key not in keys:
            unexpected.append("%s has an effect and no delivery" % key)

    # I4: at rest everything is accounted for; what needs a person has an open ticket or a held batch.
    open_tickets = {(ticket["record_id"]) for ticket in tickets if ticket["state"] == "open"}
    for batch in batches:
        if batch["state"] not in ("SETTLED", "SPLIT", "HELD"):
            fault("I4", "batch %s is %s" % (batch["id"][:8], batch["state"]))
    for delivery in deliveries:
        state, batch = delivery["state"], batch_of.get(delivery["batch_seq"], {})
        if state == "open" and batch.get("state") != "HELD":
            fault("I4", "delivery %s is open" % delivery["idem_key"][:8])
        if state in ("rejected", "conflict") and delivery["record_id"] not in open_tickets:
            later = [d for d in deliveries if d["record_id"] == delivery["record_id"] and d["version"] > delivery["version"]]
            if not later and batch.get("state") != "HELD":
                fault("I4", "delivery %s is %s without a ticket" % (delivery["idem_key"][:8], state))

    # I5: accepted means that the platform's own store has had that key with that payload.
    payload_of = {effect["rowId"]: effect["payloadHash"] for effect in effects}
    for delivery in deliveries:
        if delivery["state"] == "accepted" and payload_of.get(delivery["idem_key"]) != delivery["payload_digest"]:
            fault("I5", "%s counts as accepted and is not there" % delivery["idem_key"])

    # I6: nothing on the wire without an intent that was committed before: every package has a batch with an attempt.
    tried = {}
    for attempt in attempts:
        if attempt["action"] == "send":
            tried[attempt["batch_id"]] = tried.get(attempt["batch_id"], 0) + 1
    sent = {}
    for request in wire:
        sent[request["key"]] = sent.get(request["key"], 0) + 1
    for key, count in sent.items():
        if count > tried.get(key, 0):
            fault("I6", "%s was sent %d times with %d intents" % (key, count, tried.get(key, 0)))

    # I12: epochs of a batch's attempts never go back.
    last = {}
    for attempt in sorted(attempts, key=lambda one: one["id"]):
        if attempt["epoch"] < last.get(attempt["batch_id"], 0):
            fault("I12", "batch %s" % attempt["batch_id"][:8])
        last[attempt["batch_id"]] = attempt["epoch"]

    # I21: exactly the poison is set aside at the platform.
    aside = {by_id[t["record_id"]]["number"] for t in tickets if t["stage"] == "platform" and t["record_id"] in by_id}
    poison = {number for number, row in newest.items() if POISON in row["content"]}
    for number in aside - poison:
        fault("I21", "%s was set aside without a reason" % number)
    held_batches = any(batch["state"] == "HELD" for batch in batches)
    for number in poison - aside:
        if not held_batches:
            fault("I21", "%s is poison and not set aside" % number)

    # The library keeps every version that the bureau gave: dense from 1.
    by_record = {}
    for version in versions:
        by_record.setdefault(version["record_id"], []).append(version["version"])
    for record, numbers in by_record.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            fault("I2", "record %s has versions %s" % (record, sorted(numbers)))
    if len(records) != len(newest):
        fault("I1", "%d records kept of %d" % (len(records), len(newest)))

    log = check_log(run, fault)
    periods = check_periods(run, log, fault)
    check_secrets(run, fault)
    check_leftovers(run, fault)

    for name, found in (("lost", lost), ("doubled", doubled), ("unexpected", unexpected)):
        if found:
            broken[name] = found
    shown = {name: found[:5] for name, found in broken.items()}
    print(json.dumps({"lost": len(lost), "doubled": len(doubled), "unexpected": len(unexpected),
                      "submits": len(wire), "effects": len(effects), "entries": log["entries"], "heads": log["heads"],
                      "periods": periods, "broken": shown}, ensure_ascii=False))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
