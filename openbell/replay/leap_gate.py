"""Which slots of a walk are certain: every rule clears them, and the paper account takes every order."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from openbell.brokers.paper.settings import PaperTerms
from openbell.ports import Capabilities
from openbell.replay.leap_walk import Venue, Walk
from openbell.replay.state import Sent, State
from openbell.replay.tape import Flags, Floats, Tape
from openbell.risk.block import Block, within
from openbell.stages.fetch import RECENT
from openbell.stages.resolve import Resolved
from openbell.values.bars import Times, to_datetime64
from openbell.values.touches import UNIT, Ticks

#: What rounding to the cent may hide, and floats made of exact sums.
CENT, NOISE = 0.01, 1e-9
#: Orders stay in mind for a day, so that no session after these counts them.
_NEAR = 3
_MINUTE = np.timedelta64(60, "s")
#: Sums of money beyond this no longer fit into whole numbers.
_FITS = 4e17


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """The account around each slot, (c,) each; whole numbers of money, exact where ``known``.

    ``before`` and ``after`` are equities to the cent, ``gross`` and ``net`` what is held before the slot, ``lost`` what
    its fills cost against the middle of the quotes.
    """

    before: Ticks
    after: Ticks
    gross: Ticks
    net: Ticks
    lost: Ticks
    known: Flags
    cash: Ticks
    rest: bool = field(default=False)


def certain(desk: Resolved, tape: Tape, venue: Venue, state: State, seen: tuple[Walk, Worth]) -> Flags:
    """The slots, shape (c,), of which it is certain that all of their orders pass and fill as in the walk.

    A slot counts only if all before it do: it starts from what they leave.
    """
    walk, worth = seen
    block = _block(desk, tape, venue, state, seen)
    cleared = np.logical_and.reduce([rule.clears(block) for rule in desk.rules])
    busy = ~block.every(np.zeros(len(block.slot), np.bool_))
    holds = walk.before.any(axis=1)
    # Where nothing is asked and something is held, no limit of the account stops a slot either.
    fees = walk.summed(walk.orders.fee) / walk.scale.money
    taken = accepted(venue.terms, block, walk.orders.price / UNIT, fees)
    sure: Flags = worth.known & ~walk.bad & (cleared & taken | (~busy & holds))
    return sure & ~(busy & (walk.before.astype(np.bool_) & ~walk.trades).any(axis=1))


def worth_of(walk: Walk) -> Worth | None:
    """Cash and equity of each slot; None where the sums could grow too large."""
    orders, scale = walk.orders, walk.scale
    value = walk.before * walk.mid
    gross, net = np.abs(value).sum(axis=1), value.sum(axis=1)
    largest = np.abs(walk.before).sum(axis=1) * float(walk.mid.max(initial=1))
    cash = int(scale.cash * scale.money // 1)
    if max(float(largest.max(initial=0)), abs(cash)) > _FITS:
        return None
    flow = -orders.sign * orders.quantity * orders.price - orders.fee
    moved = cash + walk.summed(flow).cumsum()
    held = np.concatenate((np.array([cash]), moved[:-1]))
    lost = walk.summed(orders.sign * orders.quantity * (orders.price - orders.mid) + orders.fee)
    known = ~(walk.before.astype(np.bool_) & (walk.mid == 0)).any(axis=1)
    rest = scale.cash * scale.money != cash
    before, after = (_to_cents(found, scale.money // 100, rest) for found in (held + net, held + net - lost))
    return Worth(before, after, gross, net, lost, known, moved, rest)


def _to_cents(money: Ticks, cent: int, rest: bool) -> Ticks:
    """Half to even; ``rest`` tells that there is a little more than the number says."""
    down = money // cent
    over = 2 * (money - down * cent)
    up = (over > cent) | ((over == cent) & ((down % 2 == 1) | rest))
    rounded: Ticks = (down + up) * cent
    return rounded


def accepted(terms: PaperTerms, block: Block, price: Floats, fees: Floats) -> Flags:
    """Where the paper account takes every entry: it can be paid for, and the margin holds to the end.

    ``price`` (K,) is what each order pays, ``fees`` those of all orders of each slot.
    """
    spent = block.added(np.maximum(block.value, block.quantity * price))
    margin = float(terms.least_margin) * (block.gross + block.added(block.value))
    return block.quiet() | (within(spent + fees, block.power) & within(margin, block.equity))


def _block(desk: Resolved, tape: Tape, venue: Venue, state: State, seen: tuple[Walk, Worth]) -> Block:
    """The walk as rules see it, at the gate of a run and at the last one before each order."""
    walk, worth = seen
    orders, money = walk.orders, walk.scale.money
    leaves = ~orders.entry
    left = orders.quantity * orders.mid
    gross = (worth.gross - walk.summed(left, leaves)) / money
    net = (worth.net + walk.summed(orders.sign * left, leaves)) / money
    equity = (worth.before - worth.lost) / money - CENT - NOISE * (worth.gross / money)
    power = float(venue.terms.leverage) * equity - worth.gross / money - CENT
    closed = np.bincount(orders.slot[leaves & _flattens(walk)], minlength=walk.stop - walk.start)
    start, peak = _reference(tape, state, walk, worth)
    terms, symbols = venue.terms, tape.symbols
    grows = np.where(orders.flat, 0, np.abs(orders.held))
    return Block(
        slots=walk.stop - walk.start,
        symbols=symbols,
        instruments=venue.instruments,
        capabilities=Capabilities(True, terms.fractions, terms.shorting, terms.order_types),
        currency=terms.currency,
        breaks={},
        quote_limit=desk.plan.freshness.quotes,
        slot=orders.slot,
        column=orders.column,
        sign=orders.sign.astype(np.float64),
        quantity=orders.quantity / walk.scale.units,
        entry=orders.entry,
        leaves=leaves,
        lots=orders.quantity % walk.scale.units == 0,
        steps=np.ones(len(orders.slot), np.bool_),
        price=orders.mid / UNIT,
        reference=orders.mid / UNIT,
        confidence=orders.confidence,
        age=np.zeros(len(orders.slot)),
        spread=orders.spread,
        reach=grows * orders.mid / money * (1 + NOISE),
        opens=orders.entry & orders.flat,
        repeats=_repeats(tape, state, walk),
        meets=np.zeros(len(orders.slot), np.bool_),
        equity=np.where(worth.known, equity, np.nan),
        power=power,
        start=start * (1 + NOISE),
        peak=peak * (1 + NOISE),
        gross=gross * (1 + NOISE),
        high=net + NOISE * gross,
        low=net - NOISE * gross,
        occupied=np.count_nonzero(walk.before, axis=1) - closed,
        today=_today(desk, tape, state, walk),
        minute=_minute(tape, state, walk),
        alike=venue.alike,
    )


def _flattens(walk: Walk) -> Flags:
    """Orders after which nothing is held until an entry comes."""
    orders = walk.orders
    flat: Flags = np.abs(orders.held) == orders.quantity
    return flat


def _reference(tape: Tape, state: State, walk: Walk, worth: Worth) -> tuple[Floats, Floats]:
    """Equity at the open and the highest so far, as each slot finds them: (c,) each."""
    session = tape.slots.session[walk.start : walk.stop]
    at_open, highest = state.reference(int(session[0]))
    own, after = worth.before / walk.scale.money, worth.after / walk.scale.money
    seen = np.where(walk.blind | ~worth.known, np.nan, after)
    peak = np.fmax.accumulate(np.concatenate(([np.nan if highest is None else float(highest)], seen[:-1])))
    # The last slot of an earlier session that was worth something, for each slot.
    last = np.where(np.isnan(seen), -1, np.arange(len(seen)))
    newest = np.maximum.accumulate(last)
    first = np.searchsorted(session, session, side="left") - 1
    earlier = np.where(first >= 0, newest[np.maximum(first, 0)], -1)
    before = np.where(earlier >= 0, seen[np.maximum(earlier, 0)], np.nan if at_open is None else float(at_open))
    latest = np.nan if state.latest is None else float(state.latest[1])
    unseen = (earlier < 0) & (session > session[0])
    before = np.where(unseen & ~np.isnan(latest), latest, before)
    # In the first session of all, what its first slot was worth.
    if (known := last[last >= 0]).size:
        before = np.where(np.isnan(before) & (np.arange(len(seen)) > known[0]), seen[known[0]], before)
    return np.where(np.isnan(before), own, before), np.where(np.isnan(peak), own, peak)


def _today(desk: Resolved, tape: Tape, state: State, walk: Walk) -> Ticks:
    """Orders of the session before each slot."""
    session = tape.slots.session[walk.start : walk.stop]
    count = np.bincount(walk.orders.slot, minlength=len(session)).cumsum()
    sent = np.concatenate((np.zeros(1, np.int64), count))
    first = np.searchsorted(session, session, side="left")
    today: Ticks = sent[:-1] - sent[first]
    for number in np.unique(session)[:_NEAR].tolist() if state.sent else ():
        today[session == number] += _kept(desk, tape, state, number)
    return today


def _kept(desk: Resolved, tape: Tape, state: State, session: int) -> int:
    """Orders in mind that count for a session: its own, and those since its midnight."""
    midnight = datetime.combine(tape.sessions[session], datetime.min.time(), desk.exchange.zone)
    return sum(one.session == session or one.time >= midnight for one in state.sent)


def _lately(tape: Tape, state: State, walk: Walk) -> tuple[list[Sent], Times]:
    """The orders in mind that were sent shortly before the first slot, and when."""
    since = tape.slots.when[walk.start] - RECENT
    near = [one for one in state.sent if one.time >= since]
    return near, np.array([to_datetime64(one.time) for one in near], "datetime64[ns]")


def _minute(tape: Tape, state: State, walk: Walk) -> Ticks:
    """Orders of the 60 seconds before each slot."""
    times = tape.slots.times[walk.start : walk.stop]
    count = np.bincount(walk.orders.slot, minlength=len(times)).cumsum()
    sent = np.concatenate((np.zeros(1, np.int64), count))
    first = np.searchsorted(times, times - _MINUTE, side="right")
    _, kept = _lately(tape, state, walk)
    before = len(kept) - np.searchsorted(kept, times - _MINUTE, side="right")
    minute: Ticks = sent[:-1] - sent[first] + before
    return minute


def _repeats(tape: Tape, state: State, walk: Walk) -> Flags:
    """Orders of a symbol and side that an order shortly before had."""
    orders, recent = walk.orders, np.timedelta64(RECENT)
    times = tape.slots.times[walk.start : walk.stop]
    repeats = np.zeros(len(orders.slot), np.bool_)
    if len(times) > 1 and bool((np.diff(times) <= recent).any()):
        key = orders.column * 2 + (orders.sign > 0)
        order = np.lexsort((orders.slot, key))
        same = (key[order][1:] == key[order][:-1]) & (orders.slot[order][1:] > orders.slot[order][:-1])
        near = times[orders.slot[order][1:]] - times[orders.slot[order][:-1]] <= recent
        repeats[order[1:][same & near]] = True
    for one, time in zip(*_lately(tape, state, walk), strict=True):
        if times[0] - time <= recent:
            signed, column = 1 if one.side == "buy" else -1, tape.symbols.index(one.symbol)
            repeats |= (times[orders.slot] - time <= recent) & (orders.sign == signed) & (orders.column == column)
    return repeats
