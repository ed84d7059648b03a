"""What the oracle asks of orders: I1 to I4, I7, I13, I19, H07. Standard library only."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.faults.evidence import TICK, Evidence, Expected, Placed, seconds

PREFIX = "ob-"
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


def _ours(evidence: Evidence) -> list[Placed]:
    return [order for order in evidence.ledger.placed if order.client_id.startswith(PREFIX)]


def at_most_once(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I1: no id twice, and no second order for what one intent was for."""
    placed = _ours(evidence)
    for client_id, count in Counter(order.client_id for order in placed).items():
        if count > 1:
            yield f"the broker took {count} orders with id {client_id}"
    wanted = Counter(row["symbol"] for row in evidence["intents"])
    for symbol, count in Counter(order.symbol for order in placed).items():
        if count > wanted[symbol]:
            yield f"the broker took {count} orders of ours in {symbol}, there are {wanted[symbol]} intents"


def nothing_lost(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I2: after recovery each order is ended, or acknowledged and open, or unknown with an open alert."""
    taken = {order.client_id for order in evidence.ledger.placed}
    for row in evidence["orders"]:
        client_id, state = row["client_id"], row["state"]
        rejected_later = state == "rejected" and any(e["state"] == "acked" for e in evidence.events(client_id))
        if state in NEVER and client_id in taken and not rejected_later:
            yield f"{client_id} is {state} in the books and live at the broker"
        if state in HAD and client_id not in taken:
            yield f"{client_id} is {state} in the books and the broker never had it"
        if expected.settled:
            yield from _unsettled(evidence, client_id, state)


def _unsettled(evidence: Evidence, client_id: str, state: str) -> Iterator[str]:
    if state in {"planned", "approved", "sending"}:
        yield f"{client_id} is still {state} after recovery"
    sent = any(event["state"] == "sending" for event in evidence.events(client_id))
    if (state == "unknown" or (state == "abandoned" and sent)) and not _alerted(evidence, client_id):
        yield f"{client_id} is {state} and nobody was alerted"


def _alerted(evidence: Evidence, client_id: str) -> bool:
    return any(client_id in f"{row['subject']} {row['detail']}" for row in evidence["alerts"])


def traceable(evidence: Evidence, expected: Expected) -> Iterator[str]:
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


def lowered(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I3: an order is for what its verdict allowed; for less only if its first SENDING mark says so, never for more."""
    intents = evidence.by_id("intents")
    for row in (row for row in evidence["orders"] if row["client_id"] in intents):
        client_id, quantity = row["client_id"], Decimal(row["quantity"])
        allowed = Decimal(json.loads(intents[client_id]["verdict"])["quantity"])
        marks = [event.get("quantity") for event in evidence.events(client_id) if event["state"] == "sending"]
        if any(mark is not None for mark in marks[1:]):
            yield f"{client_id} was lowered by a later SENDING mark than its first"
        wanted = allowed if not marks or marks[0] is None else Decimal(marks[0])
        if allowed and (quantity != wanted or quantity > allowed):
            yield f"{client_id} is for {quantity}, its verdict allowed {allowed} and its mark says {wanted}"


def written_ahead(evidence: Evidence, _expected: Expected) -> Iterator[str]:
    """I4: at each arrival of an order there were as many SENDING marks as orders sent, and the frozen intent."""
    intents = evidence.by_id("intents")
    frozen = {row["key"]: row["frozen_at"] for row in evidence["slots"]}
    arrivals: dict[str, list[float]] = defaultdict(list)
    for post in evidence.ledger.posts:
        if post.client_id.startswith(PREFIX):
            arrivals[post.client_id].append(post.time)
    for client_id, times in arrivals.items():
        marks = [seconds(e["written"]) for e in evidence.events(client_id) if e["state"] == "sending"]
        for number, time in enumerate(sorted(times), start=1):
            if sum(mark <= time + TICK for mark in marks) < number:
                yield f"{client_id}: POST {number} arrived with {len(marks)} SENDING marks, not {number} before it"
        committed = frozen.get(intents[client_id]["slot"]) if client_id in intents else None
        if committed is None or seconds(committed) > min(times) + TICK:
            yield f"{client_id}: a POST arrived before its intent was committed"


def limits(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """I7: what the broker was ever asked to hold of a symbol stays long and below the limit, at every order."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for order in sorted(_ours(evidence), key=lambda order: order.time):
        held[order.symbol] += order.quantity if order.side == "buy" else -order.quantity
        if expected.limit is not None and not 0 <= held[order.symbol] <= expected.limit:
            yield f"{order.client_id} brings {order.symbol} to {held[order.symbol]}, not 0 to {expected.limit}"


def steps(evidence: Evidence, _expected: Expected) -> Iterator[str]:
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


def fills_once(evidence: Evidence, expected: Expected) -> Iterator[str]:
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


def flat(evidence: Evidence, expected: Expected) -> Iterator[str]:
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
