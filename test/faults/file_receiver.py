#!/usr/bin/env python3
"""A platform that fetches packages from a folder (docs/platform-sftp.md), for fault runs: takes every package whose `.ok` is there,
tells by its name what it had before, keeps what it applied in `effects.jsonl` and what it fetched in `wire.jsonl`, and leaves a
receipt. Python 3, standard library only.

    python3 file_receiver.py FILES RECORDS NOW_MS     FILES holds in/, archive/ and receipts/, RECORDS the two records
"""
import base64
import hashlib
import json
import os
import sys
import zipfile

POISON = "平台不收"


def append(folder, name, line):
    with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def take(files, folder, name, now):
    place = os.path.join(files, "in", name)
    with open(place, "rb") as file:
        carried = hashlib.sha256(file.read()).hexdigest()
    if os.path.exists(os.path.join(files, "archive", name)):
        known_already(files, name, carried)
        return
    with open(place + ".ok", encoding="utf-8") as file:
        told = json.load(file)
    with zipfile.ZipFile(place) as package:
        data = package.read("data.json")
    document = json.loads(data)
    records, key = document["records"], document["header"]["packageId"]
    if told != {"sha256": carried, "count": len(records)}:
        raise SystemExit("%s is not what its .ok says" % name)
    append(folder, "wire.jsonl", {"at": now, "kind": "submit", "key": key, "whole": True, "carried": carried,
                                  "sha256": hashlib.sha256(data).hexdigest(), "body": base64.b64encode(data).decode()})
    results = []
    for record in records:
        bad = record["op"] == "U" and POISON in json.dumps(record["data"], ensure_ascii=False)
        if not bad:
            append(folder, "effects.jsonl", {**record, "packageId": key, "at": now})
        results.append({"rowId": record["rowId"], "resultCode": "FORMAT_ERROR" if bad else "OK", "resultMsg": "有误" if bad else ""})
    receipt = {"packageId": key, "receiptId": "R-" + name, "receivedCount": len(records), "results": results}
    with open(os.path.join(files, "receipts", name[:-4] + ".json"), "w", encoding="utf-8") as file:
        json.dump(receipt, file, ensure_ascii=False)
    os.rename(place, os.path.join(files, "archive", name))
    os.remove(place + ".ok")


def known_already(files, name, carried):
    """A name that was fetched before: the same package once more is none, another one under its name is a fault of the sender."""
    with open(os.path.join(files, "archive", name), "rb") as file:
        if hashlib.sha256(file.read()).hexdigest() != carried:
            raise SystemExit("%s came twice with different bytes" % name)
    os.remove(os.path.join(files, "in", name))
    os.remove(os.path.join(files, "in", name + ".ok"))


if __name__ == "__main__":
    inbox = os.path.join(sys.argv[1], "in")
    for each in sorted(os.listdir(inbox)):
        if each.endswith(".zip") and os.path.exists(os.path.join(inbox, each + ".ok")):
            take(sys.argv[1], sys.argv[2], each, int(sys.argv[3]))
