"""What the oracle asks of runs, switches and chains: I5, I8 to I10, I15, I16. Standard library only."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.evidence import CHAINS, GENESIS, TICK, Evidence, Expected, forms, seconds


def chained(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I5: sequences without a gap, each row naming the hash of the one before, and tables that refuse changes."""
    for table, key in CHAINS.items():
        previous = GENESIS
        for place, row in enumerate(evidence[table], start=1):
            if row[key] != place:
                yield f"{table}: row {row[key]} stands where {place} should"
            if row["previous_hash"] != previous or len(row["hash"] or "") != len(GENESIS) or row["hash"] == previous:
                yield f"{table}: the chain is broken at row {row[key]}"
            previous = row["hash"]
    for table in evidence.unguarded:
        yield f"{table}: rows can be changed or deleted"


def no_state_without_event(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I5: where an order stands is what its last event says."""
    for row in evidence["orders"]:
        events = evidence.events(row["client_id"])
        last = events[-1]["state"] if events else "nothing"
        if last != row["state"]:
            yield f"{row['client_id']} stands at {row['state']}, its last event says {last}"


def halted(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I8: once HALTED is committed nothing is marked SENDING; one POST may be on the wire. A person resumes."""
    switches = evidence["switches"]
    for row, after in zip(switches, (*switches[1:], None)[: len(switches)], strict=True):
        if row["level"] == "active" and not (row["actor"] and row["reason"]) and row["epoch"] > 1:
            yield f"epoch {row['epoch']} resumed without actor or reason"
        if row["level"] == "halted":
            end = seconds(after["time"]) if after else float("inf")
            yield from _sent_between(evidence, seconds(row["time"]), end, f"epoch {row['epoch']} was halted")
    if evidence.halt_file is not None:
        yield from _sent_between(evidence, evidence.halt_file, float("inf"), "the halt file stood")


def _sent_between(evidence: Evidence, start: float, end: float, while_: str) -> Iterator[str]:
    posts = [post for post in evidence.ledger.posts if start + TICK < post.time < end]
    if len(posts) > 1:
        yield f"{len(posts)} orders were sent while {while_}"
    for event in evidence["order_events"]:
        if event["state"] == "sending" and start + TICK < seconds(event["written"]) < end:
            yield f"{event['client_id']} was marked SENDING while {while_}"


def fenced(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I9: every SENDING mark carries a claim's number, which never falls within a slot nor passes the claim's."""
    intents = evidence.by_id("intents")
    claims = {row["key"]: row["fencing"] for row in evidence["slots"]}
    newest: dict[str, int] = {}
    for event in evidence["order_events"]:
        if event["state"] != "sending":
            continue
        slot, fencing = intents[event["client_id"]]["slot"], event["fencing"]
        if fencing is None or not newest.get(slot, 1) <= fencing <= claims.get(slot, 0):
            yield f"{event['client_id']} was marked SENDING under claim {fencing} of {slot}"
        newest[slot] = max(newest.get(slot, 1), fencing or 0)


def one_run_per_slot(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I10: one claim per planned instant, one effective run per slot, one intent per leg."""
    claims = Counter((row["plan"], row["job"], row["planned"]) for row in evidence["slots"])
    worked = Counter(row["slot"] for row in evidence["runs"] if row["outcome"] == "completed")
    legs = Counter((row["account"], row["slot"], row["symbol"], row["leg"]) for row in evidence["intents"])
    for name, counted in (("claims", claims), ("completed runs", worked), ("intents", legs)):
        yield from (f"{count} {name} of {key}" for key, count in counted.items() if count > 1)


def outcomes(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I15: each slot has one outcome once everything is settled, and a record that says the same."""
    slots = {row["key"]: row for row in evidence["slots"]}
    for key in expected.slots:
        if key not in slots:
            yield f"slot {key} is not recorded at all"
    for key, row in slots.items() if expected.settled else ():
        if row["outcome"] is None:
            yield f"slot {key} has no outcome"
        elif not any(run["slot"] == key and run["outcome"] == row["outcome"] for run in evidence["runs"]):
            yield f"slot {key} is {row['outcome']} and no record says so"


def secrets(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I16: no secret in any output, in any encoding."""
    for place, secret in enumerate(expected.canaries):
        wanted = forms(secret)
        for name, content in evidence.outputs.items():
            if any(form in content for form in wanted):
                yield f"secret {place} stands in {name}"
