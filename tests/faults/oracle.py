"""The judge of a trial: evaluates the invariants of FAULTS section 3 from what is left behind.

It shares no code with openbell on purpose: a mistake there cannot hide here. It reads the broker's ledger, the
database file and the outputs, and imports the standard library only.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.faults.evidence import CHAINS, Evidence, Placed, Row, forms, gather, seconds

PREFIX = "ob-"
#: SQLite's clock counts milliseconds and cuts off the rest.
TICK = 0.001
GENESIS = "0" * 64
TERMINAL = {"filled", "canceled", "expired", "rejected", "denied", "abandoned"}
#: States that say that the broker never had the order.
NEVER = {"denied", "abandoned", "rejected", "planned", "approved"}
#: States that say that the broker has it, or had it.
HAD = {"acked", "partial", "pending_cancel", "filled", "canceled", "expired"}
#: Our own list, read from the specification and not from the code under test.
STEPS = {
    "": {"approved", "denied", "abandoned"},
    "approved": {"sending", "abandoned"},
    "sending": {"acked", "rejected", "unknown"},
    "unknown": {"acked", "sending", "abandoned"},
    "acked": {"partial", "filled", "pending_cancel", "canceled", "expired", "rejected"},
    "partial": {"partial", "filled", "pending_cancel", "canceled", "expired"},
    "pending_cancel": {"canceled", "filled", "partial", "acked"},
    # A late fill or a bust is appended to what ended; the state stays.
    "filled": {"filled"},
    "canceled": {"canceled"},
    "expired": {"expired"},
}


@dataclass(frozen=True)
class Finding:
    """One invariant that does not hold, and where."""

    invariant: str
    detail: str


@dataclass(frozen=True)
class Expected:
    """What the trial knows: whether recovery is through, which slots must be there, what must stay secret.

    ``limit`` is the most that may be held or under way per symbol at any instant, in units of the symbol; ``flat``
    that nothing may be held or open in the end.
    """

    settled: bool = True
    slots: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    limit: Decimal | None = None
    flat: bool = False


Check = Callable[[Evidence, Expected], Iterator[str]]


def judge_files(ledger: Path, store: Path, expected: Expected, outputs: tuple[Path, ...] = ()) -> tuple[Finding, ...]:
    """Every finding in what a trial left behind."""
    return judge(gather(ledger, store, outputs), expected)


def judge(evidence: Evidence, expected: Expected) -> tuple[Finding, ...]:
    """Every finding, by invariant."""
    return tuple(
        Finding(invariant, detail)
        for invariant, checks in CHECKS.items()
        for check in checks
        for detail in check(evidence, expected)
    )


def _ours(evidence: Evidence) -> list[Placed]:
    return [order for order in evidence.ledger.placed if order.client_id.startswith(PREFIX)]


def _at_most_once(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I1: no id twice, and no second order for what one intent was for."""
    placed = _ours(evidence)
    for client_id, count in Counter(order.client_id for order in placed).items():
        if count > 1:
            yield f"the broker took {count} orders with id {client_id}"
    wanted = Counter(row["symbol"] for row in evidence["intents"])
    for symbol, count in Counter(order.symbol for order in placed).items():
        if count > wanted[symbol]:
            yield f"the broker took {count} orders of ours in {symbol}, there are {wanted[symbol]} intents"


def _nothing_lost(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I2: after recovery each order is ended, or acknowledged and open, or unknown with an open alert."""
    taken = {order.client_id for order in evidence.ledger.placed}
    for row in evidence["orders"]:
        client_id, state = row["client_id"], row["state"]
        rejected_later = state == "rejected" and any(e["state"] == "acked" for e in _events(evidence, client_id))
        if state in NEVER and client_id in taken and not rejected_later:
            yield f"{client_id} is {state} in the books and live at the broker"
        if state in HAD and client_id not in taken:
            yield f"{client_id} is {state} in the books and the broker never had it"
        if expected.settled:
            yield from _unsettled(evidence, client_id, state)


def _unsettled(evidence: Evidence, client_id: str, state: str) -> Iterator[str]:
    if state in {"planned", "approved", "sending"}:
        yield f"{client_id} is still {state} after recovery"
    sent = any(event["state"] == "sending" for event in _events(evidence, client_id))
    if (state == "unknown" or (state == "abandoned" and sent)) and not _alerted(evidence, client_id):
        yield f"{client_id} is {state} and nobody was alerted"


def _alerted(evidence: Evidence, client_id: str) -> bool:
    return any(client_id in f"{row['subject']} {row['detail']}" for row in evidence["alerts"])


def _events(evidence: Evidence, client_id: str) -> list[Row]:
    return evidence.of("order_events", client_id)


def _traceable(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I3: order -> intent -> verdict -> slot -> run, and the broker was asked for what the verdict allowed."""
    intents, books = evidence.by_id("intents"), evidence.by_id("orders")
    slots = {row["key"] for row in evidence["slots"]}
    runs = {row["slot"] for row in evidence["runs"]}
    for order in _ours(evidence):
        intent, book = intents.get(order.client_id), books.get(order.client_id)
        if intent is None or book is None:
            yield f"the broker's order {order.client_id} ({order.symbol}) comes from no intent"
            continue
        if (order.symbol, order.side, order.quantity) != (book["symbol"], book["side"], Decimal(book["quantity"])):
            yield f"{order.client_id}: the broker has {order.side} {order.quantity} {order.symbol}, not what was judged"
        if '"denied"' in intent["verdict"].split('"rulings"')[0]:
            yield f"{order.client_id} was denied and is at the broker"
        if intent["slot"] not in slots or (expected.settled and intent["slot"] not in runs):
            yield f"{order.client_id} leads to slot {intent['slot']}, which has no claim or no record"


def _written_ahead(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I4: at each arrival of an order there were as many SENDING marks as orders sent, and the frozen intent."""
    intents = evidence.by_id("intents")
    frozen = {row["key"]: row["frozen_at"] for row in evidence["slots"]}
    arrivals: dict[str, list[float]] = defaultdict(list)
    for post in evidence.ledger.posts:
        if post.client_id.startswith(PREFIX):
            arrivals[post.client_id].append(post.time)
    for client_id, times in arrivals.items():
        marks = [seconds(e["written"]) for e in _events(evidence, client_id) if e["state"] == "sending"]
        for number, time in enumerate(sorted(times), start=1):
            if sum(mark <= time + TICK for mark in marks) < number:
                yield f"{client_id}: POST {number} arrived with {len(marks)} SENDING marks, not {number} before it"
        committed = frozen.get(intents[client_id]["slot"]) if client_id in intents else None
        if committed is None or seconds(committed) > min(times) + TICK:
            yield f"{client_id}: a POST arrived before its intent was committed"


def _chained(evidence: Evidence, _expected: Expected) -> Iterator[str]:
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


def _no_state_without_event(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I5: where an order stands is what its last event says."""
    for row in evidence["orders"]:
        events = _events(evidence, row["client_id"])
        last = events[-1]["state"] if events else "nothing"
        if last != row["state"]:
            yield f"{row['client_id']} stands at {row['state']}, its last event says {last}"


def _halted(evidence: Evidence, _expected: Expected) -> Iterator[str]:
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


def _fenced(evidence: Evidence, _expected: Expected) -> Iterator[str]:
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


def _one_run_per_slot(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I10: one claim per planned instant, one effective run per slot, one intent per leg."""
    claims = Counter((row["plan"], row["job"], row["planned"]) for row in evidence["slots"])
    worked = Counter(row["slot"] for row in evidence["runs"] if row["outcome"] == "completed")
    legs = Counter((row["account"], row["slot"], row["symbol"], row["leg"]) for row in evidence["intents"])
    for name, counted in (("claims", claims), ("completed runs", worked), ("intents", legs)):
        yield from (f"{count} {name} of {key}" for key, count in counted.items() if count > 1)


def _steps(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I13: listed transitions only; nothing is filled beyond its quantity."""
    state: dict[str, str] = {}
    for event in evidence["order_events"]:
        client_id, before = event["client_id"], state.get(event["client_id"], "")
        if event["state"] not in STEPS.get(before, set()):
            yield f"{client_id} went from {before or 'nothing'} to {event['state']}"
        state[client_id] = event["state"]
    for row in evidence["orders"]:
        if Decimal(row["filled"]) > Decimal(row["quantity"]):
            yield f"{row['client_id']} is filled {row['filled']} of {row['quantity']}"


def _outcomes(evidence: Evidence, expected: Expected) -> Iterator[str]:
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


def _secrets(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I16: no secret in any output, in any encoding."""
    for place, secret in enumerate(expected.canaries):
        wanted = forms(secret)
        for name, content in evidence.outputs.items():
            if any(form in content for form in wanted):
                yield f"secret {place} stands in {name}"


def _fills_once(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I19: each execution once; orders and positions are the sum of fills, and those of the broker."""
    seen = Counter((row["account"], row["id"]) for row in evidence["fills"])
    yield from (f"execution {key[1]} was applied {count} times" for key, count in seen.items() if count > 1)
    held: dict[str, Decimal] = defaultdict(Decimal)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    busted = {(row["account"], row["fill"]) for row in evidence["busts"]}
    for row in evidence["fills"]:
        if (row["account"], row["id"]) in busted:
            continue
        filled[row["client_id"]] += Decimal(row["quantity"])
        held[row["symbol"]] += Decimal(row["quantity"]) * (1 if row["side"] == "buy" else -1)
    for row in evidence["orders"]:
        if Decimal(row["filled"]) != filled[row["client_id"]]:
            yield f"{row['client_id']} is filled {row['filled']}, its fills add up to {filled[row['client_id']]}"
    booked = {row["symbol"]: Decimal(row["quantity"]) for row in evidence["positions"]}
    yield from _differences("the books hold", booked, "the fills add up to", held)
    if expected.settled:
        broker: dict[str, Decimal] = defaultdict(Decimal)
        for execution in evidence.ledger.executions:
            broker[execution.symbol] += execution.signed
        yield from _differences("the books hold", booked, "the broker", broker)


def _flat(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """H07: what was to be closed is closed by the broker's own executions, or an order says why it is not."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for execution in evidence.ledger.executions:
        held[execution.symbol] += execution.signed
    given_up = {row["symbol"] for row in evidence["orders"] if row["side"] == "sell" and row["state"] == "abandoned"}
    for symbol, quantity in held.items() if expected.flat and expected.settled else ():
        if quantity and symbol not in given_up:
            yield f"{quantity} {symbol} is still held, and no closing order was given up"


def _differences(left: str, mine: dict[str, Decimal], right: str, theirs: dict[str, Decimal]) -> Iterator[str]:
    for symbol in sorted({*mine, *theirs}):
        one, other = mine.get(symbol, Decimal(0)), theirs.get(symbol, Decimal(0))
        if one != other:
            yield f"{symbol}: {left} {one}, {right} {other}"


def _limits(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I7: what the broker was ever asked to hold of a symbol stays long and below the limit, at every order."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for order in sorted(_ours(evidence), key=lambda order: order.time):
        held[order.symbol] += order.quantity if order.side == "buy" else -order.quantity
        if expected.limit is not None and not 0 <= held[order.symbol] <= expected.limit:
            yield f"{order.client_id} brings {order.symbol} to {held[order.symbol]}, not 0 to {expected.limit}"


CHECKS: dict[str, tuple[Check, ...]] = {
    "I1": (_at_most_once,),
    "I2": (_nothing_lost,),
    "I3": (_traceable,),
    "I4": (_written_ahead,),
    "I5": (_chained, _no_state_without_event),
    "I7": (_limits,),
    "I8": (_halted,),
    "I9": (_fenced,),
    "I10": (_one_run_per_slot,),
    "I13": (_steps,),
    "I15": (_outcomes,),
    "I16": (_secrets,),
    "I19": (_fills_once,),
    "H07": (_flat,),
}
