"""What the exported log must say, held against the wire, the far platform's effects and the dumped tables
(I6, I12-I17, I19 of the delivery protocol). Part of checker.py."""
import datetime
import hashlib
import os

from exported_log import Tree, open_note, read_entries, root_of, sha256

# docs/evidence-format.md §8, written down anew: state -> event -> state.
ANSWERS = {"answered": "SETTLED", "received": "RECEIVED", "partial": "RECEIVED", "conflict": "HELD"}
REFUSALS = {"refused": "SPLIT", "refused-alone": "SETTLED", "refused-too-many": "HELD"}
STATES = {
    "SEALED": {"intent": "SENDING", "cancelled": "SETTLED", "recut": "SPLIT", "refused-alone": "SETTLED"},
    "SENDING": {**ANSWERS, **REFUSALS, "not-sent": "RETRY_WAIT", "contract-fault": "HELD", "unknown": "UNKNOWN"},
    "RETRY_WAIT": {**ANSWERS, "intent": "SENDING", "recut": "SPLIT"},
    "UNKNOWN": {**ANSWERS, **REFUSALS, "absent": "RETRY_WAIT", "unknown": "UNKNOWN", "intent-same-key": "SENDING",
                "overdue": "HELD", "unaskable": "HELD"},
    "RECEIVED": {**ANSWERS, **REFUSALS, "unknown": "RECEIVED", "absent": "UNKNOWN", "overdue": "HELD"},
    "SETTLED": {"answered": "SETTLED", "received": "SETTLED", "partial": "SETTLED", "conflict": "SETTLED"},
    "SPLIT": {},
    "HELD": {**REFUSALS, "answered": "SETTLED", "released": "RETRY_WAIT", "closed-by-hand": "SETTLED",
             "received": "HELD", "partial": "HELD", "unknown": "HELD", "absent": "HELD", "conflict": "HELD"},
}
# Room for what was on its way already when a pause began, ms: the longest that a request may take.
ON_ITS_WAY = 1500
DAY_MS = 86_400_000


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


class Batch:
    def __init__(self, entry):
        evidence = entry["evidence"]
        self.state, self.event, self.epoch, self.attempt = "SEALED", "sealed", int(entry["epoch"]), 0
        self.members, self.root, self.period = int(evidence["members"]), evidence["manifestRoot"], evidence.get("period")
        self.commit, self.intents, self.exceptions = entry["payloadCommit"], [], {}

    def standing(self):
        """How many of its members are in which state."""
        usual = "accepted" if (self.state, self.event) == ("SETTLED", "answered") else "open"
        counts = {usual: self.members - len(self.exceptions)}
        for state in self.exceptions.values():
            counts[state] = counts.get(state, 0) + 1
        return counts


def check_log(run, fault):
    """Returns how many entries and heads were checked, and the batches as the log tells of them."""
    folder = os.path.join(run.folder, "log-export")
    entries = read_entries(folder, fault)
    heads = check_tree(run, entries, fault)
    log = [entry for _, entry in entries]
    batches = replay(log, fault)
    check_rows(run, batches, fault)
    check_bodies(run, folder, batches, fault)
    check_intents(run, batches, fault)
    check_pauses(run, log, fault)
    check_actors(run, log, fault)
    return {"entries": len(entries), "heads": heads, "log": log, "batches": batches}


def check_tree(run, entries, fault):
    """I16: no gap, every signed head that was ever kept is the root of the same leaves."""
    with open(os.path.join(run.folder, "vkey"), encoding="ascii") as file:
        vkey = file.read().strip()
    with open(os.path.join(run.folder, "log-export", "checkpoint"), encoding="utf-8") as file:
        newest = open_note(file.read(), vkey, fault)
    notes = {row["size"]: open_note(row["note"], vkey, fault) for row in run.table("checkpoints")}
    notes[newest[1]] = newest
    ids = [entry["id"] for _, entry in entries]
    if len(set(ids)) != len(ids):
        fault("I16", "an id stands twice")
    if newest[1] != len(entries):
        fault("I16", "%d entries exported, %d signed" % (len(entries), newest[1]))
    if run.table("log_pending"):
        fault("I17", "%d entries have no place in the log" % len(run.table("log_pending")))
    tree = Tree()
    for raw, _ in entries:
        tree.append(raw)
        if tree.size in notes and notes[tree.size][2] != tree.root():
            fault("I16", "the head of %d entries is not their root" % tree.size)
    if any(size > len(entries) for size in notes):
        fault("I16", "more was signed than is there")
    return len(notes)


def replay(log, fault):
    """I17, I12, I6: every batch by its entries alone."""
    batches = {}
    for index, entry in enumerate(log):
        key, to = entry.get("batch"), entry.get("to")
        if key is None or to is None:
            continue
        if "delivery" in entry:
            batches[key].exceptions[entry["delivery"]] = to
        elif entry["action"] == "batch.sealed":
            if key in batches:
                fault("I17", "batch %s was sealed twice" % key[:8])
            batches[key] = Batch(entry)
        elif key not in batches:
            fault("I17", "entry %d is about a batch that was never sealed" % index)
        else:
            step(batches[key], key, entry, fault)
    return batches


def step(batch, key, entry, fault):
    event, epoch, attempt = entry["evidence"]["event"], int(entry["epoch"]), int(entry["attempt"])
    if entry["from"] != batch.state or STATES[batch.state].get(event) != entry["to"]:
        fault("I17", "batch %s: %s by %s to %s from %s" % (key[:8], entry["from"], event, entry["to"], batch.state))
    if epoch < batch.epoch:
        fault("I12", "batch %s: epoch %d after %d" % (key[:8], epoch, batch.epoch))
    if event.startswith("intent"):
        batch.intents.append(instant(entry["t"]))
    if attempt != len(batch.intents):
        fault("I17", "batch %s: attempt %d after %d intents" % (key[:8], attempt, len(batch.intents)))
    batch.state, batch.event, batch.epoch = entry["to"], event, max(epoch, batch.epoch)


def check_rows(run, batches, fault):
    """I17: log and manifests rebuild the ledger."""
    rows = {row["id"]: row for row in run.table("batches")}
    for key in set(rows) ^ set(batches):
        fault("I17", "batch %s stands only in the %s" % (key[:8], "rows" if key in rows else "log"))
    members = {}
    for row in run.table("deliveries"):
        if row["batch_seq"]:
            members.setdefault(row["batch_seq"], []).append(row)
    for key, row in rows.items():
        batch = batches.get(key)
        if batch is None:
            continue
        if (row["state"], row["attempts"], row["members"]) != (batch.state, len(batch.intents), batch.members):
            fault("I17", "batch %s is %s in the rows and %s in the log" % (key[:8], row["state"], batch.state))
        of = sorted(members.get(row["seq"], []), key=lambda one: one["row_no"])
        if row["state"] == "SPLIT":
            continue
        if len(of) != batch.members or root_of(bytes.fromhex(one["payload_digest"]) for one in of).hex() != batch.root:
            fault("I17", "members of batch %s are not those of its manifest" % key[:8])
        counts = {}
        for one in of:
            counts[one["state"]] = counts.get(one["state"], 0) + 1
            told = batch.exceptions.get(one["idem_key"])
            if told is not None and told != one["state"]:
                fault("I17", "%s is %s in the rows and %s in the log" % (one["idem_key"][:8], one["state"], told))
        if counts != {state: count for state, count in batch.standing().items() if count}:
            fault("I17", "batch %s: %s in the rows, %s in the log" % (key[:8], counts, batch.standing()))


def check_bodies(run, folder, batches, fault):
    """I7, I17: what was sealed is what the log committed to, and what came over the wire."""
    for key, batch in batches.items():
        place = os.path.join(folder, "batches", key)
        if not os.path.exists(os.path.join(place, "request")):
            fault("I17", "the export has no request of batch %s" % key[:8])
            continue
        with open(os.path.join(place, "request"), "rb") as file:
            body = file.read()
        with open(os.path.join(place, "salt"), "rb") as file:
            salt = file.read()
        if sha256(b"\x02" + salt + body).hex() != batch.commit:
            fault("I17", "request of batch %s is not what was sealed" % key[:8])
        for request in run.submits:
            # A receiver of files records the package as it fetched it beside the data in it.
            got = request.get("carried", request.get("sha256"))
            if request["key"] == key and request["whole"] and got != hashlib.sha256(body).hexdigest():
                fault("I7", "batch %s was sent with other bytes than were sealed" % key[:8])


def check_intents(run, batches, fault):
    """I6: the n-th submit of a package has its n-th intent before it."""
    seen = {}
    for request in run.submits:
        key = request["key"]
        seen[key] = seen.get(key, 0) + 1
        intents = batches[key].intents if key in batches else []
        if len(intents) < seen[key] or intents[seen[key] - 1] > request["at"] + 1:
            fault("I6", "submit %d of %s has no intent before it" % (seen[key], str(key)[:8]))


def check_pauses(run, log, fault):
    """I15: nothing goes out while the breaker is open or before a Retry-After has passed, and at most 8 tries in a window."""
    pauses = [(line["at"], line["at"] + asked_ms(line), "Retry-After") for line in run.wire if line["kind"] == "busy"]
    opened = None
    for entry in log:
        at = instant(entry["t"])
        # A good answer closes it, be it a probe's or one that was on its way already.
        if entry["action"] in ("breaker.opened", "breaker.closed") and opened is not None:
            pauses.append((opened[0], min(opened[1], at), "the breaker's opening"))
            opened = None
        if entry["action"] == "breaker.opened":
            opened = (at, at + int(entry["evidence"]["waitS"]) * 1000)
    if opened is not None:
        pauses.append((*opened, "the breaker's opening"))
    requests = [line for line in run.wire if line["kind"] in ("submit", "query")]
    for start, end, why in pauses:
        early = [line for line in requests if start + ON_ITS_WAY < line["at"] < end - 1]
        if early:
            fault("I15", "%d requests within %d s of %s" % (len(early), (end - start) / 1000, why))
    tries = {}
    for row in run.table("attempts"):
        if row["action"] == "send":
            window = (row["batch_id"], window_of(row["started_at"], run.facts["weekly"]))
            tries[window] = tries.get(window, 0) + 1
    for (key, window), count in tries.items():
        if count > 8:
            fault("I15", "batch %s was sent %d times in window %s" % (key[:8], count, window))


def asked_ms(line):
    """What the platform may expect of a well-behaved caller: seconds or an HTTP-date, 1 s to 24 h; garbage asks for nothing."""
    text = line["retryAfter"]
    if text.isdigit():
        return min(DAY_MS, max(1000, int(text) * 1000))
    try:
        at = datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)
        return min(DAY_MS, max(1000, at.timestamp() * 1000 - line["at"]))
    except ValueError:
        return 0


def window_of(text, weekly):
    """A retry window opens at 08:30 and 14:00 in China; without a duty it is the UTC hour. A finer cut finds no more than there is."""
    if not weekly:
        return text[:13]
    local = instant(text) + 8 * 3_600_000
    day, minute = divmod(local, DAY_MS)
    return day * 2 + (minute >= 14 * 3_600_000) + (-1 if minute < 8.5 * 3_600_000 else 0)


def fridays(first, until):
    day = datetime.date.fromisoformat(first)
    while day <= until:
        if day.isoweekday() == 5:
            yield day
        day += datetime.timedelta(days=1)


def check_periods(run, found, fault):
    """I13: one period per Friday, each closed one with its report; I14: what the reports count is what the log tells."""
    rows = run.table("periods")
    if not run.facts["weekly"]:
        return 0
    now = datetime.datetime.fromtimestamp(run.facts["now"] / 1000, datetime.timezone(datetime.timedelta(hours=8)))
    wanted = ["%d-W%02d" % day.isocalendar()[:2] for day in fridays(run.facts["goLive"], now.date())]
    there = sorted(row["period"] for row in rows)
    # One that a holiday moves forward may have come already.
    if [period for period in there if period <= wanted[-1]] != wanted or len(there) > len(wanted) + 1:
        fault("I13", "periods %s instead of %s" % (there, wanted))
    reports = {}
    for entry in found["log"]:
        if entry["action"] == "period.closed":
            reports.setdefault(entry["evidence"]["period"], []).append(entry)
    opened = [entry["evidence"]["period"] for entry in found["log"] if entry["action"] == "period.opened"]
    if sorted(opened) != there:
        fault("I13", "the log opened %s" % sorted(opened))
    for row in rows:
        of = reports.get(row["period"], [])
        if len(of) != (1 if row["state"] == "closed" else 0):
            fault("I13", "%s is %s and has %d reports" % (row["period"], row["state"], len(of)))
        if row["state"] == "open" and row["period"] < wanted[-1]:
            fault("I13", "%s is still open" % row["period"])
    check_counts(found["log"], reports, fault)
    return len(rows)


def check_counts(log, reports, fault):
    """I14: each report against the log as it stood when the period was closed."""
    places = {id(entry): index for index, entry in enumerate(log)}
    for period, of in reports.items():
        for report in of:
            evidence = report["evidence"]
            batches = replay(log[:places[id(report)]], lambda *_: None)
            mine = [one for one in batches.values() if one.period == period and one.state != "SPLIT"]
            if "coveredBy" in evidence:
                mine = []
            told = {name: int(evidence["counts"][name]) for name in ("batches", "members", "accepted", "rejected", "open")}
            counted = {"batches": len(mine), "members": sum(one.members for one in mine)}
            for state in ("accepted", "rejected", "open"):
                counted[state] = sum(one.standing().get(state, 0) for one in mine)
            if told != counted:
                fault("I14", "report of %s says %s, the log %s" % (period, told, counted))


# Who may do what (三权分立); the host's shell without an account is break-glass.
ROLES = {
    "platform.paused": {"operator"}, "platform.resumed": {"operator"}, "record.held": {"operator"},
    "record.released": {"operator"}, "resync.started": {"operator"}, "user.added": {"sysadmin"},
}


def check_actors(run, log, fault):
    """I19: who did what held the role for it then, and everything that was tried, allowed or not, is in the log."""
    roles = {}
    for entry in log:
        evidence, actor = entry["evidence"], entry["actor"]
        if entry["action"] == "user.added":
            roles["user:" + evidence["user"]] = set(evidence["roles"])
        needed = ROLES.get(entry["action"])
        if needed and not actor.startswith("shell:") and not needed & roles.get(actor, set()):
            fault("I19", "%s by %s" % (entry["action"], actor))
    for tried in run.lines("tried.jsonl"):
        of = [entry for entry in log if entry["actor"] == tried["actor"] and entry["action"] == tried["action"]]
        if len(of) < tried["times"]:
            fault("I19", "%s by %s was tried %d times and logged %d times" %
                  (tried["action"], tried["actor"], tried["times"], len(of)))
