"""What a stretch of slots would come to if every order were approved and filled whole: holdings, orders, fills."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from openbell.brokers.paper.settings import PaperTerms
from openbell.ports import Touching
from openbell.replay.tape import Flags, Floats, Indices, Tape
from openbell.risk.block import Kinds
from openbell.stages.resolve import Resolved
from openbell.values.bars import FloatPanel
from openbell.values.instrument import Instrument
from openbell.values.orders import Purpose
from openbell.values.touches import CENTS, UNIT, Ticks

#: Decimals that quantities may have; targets are whole numbers of these parts, which floats and decimals tell alike.
DIGITS, PARTS = 4, 64
_BPS = 10_000
_EXIT, _REDUCE, _ENTRY = (purpose.rank for purpose in (Purpose.EXIT, Purpose.REDUCE, Purpose.ENTRY))


@dataclass(frozen=True, slots=True)
class Venue:
    """The feed's quotes and the paper account's terms; ``slippage`` as a whole number and its scale.

    ``columns`` are the symbols' places, ``alphabet`` (N,) their ranks by name.
    """

    feed: Touching
    terms: PaperTerms
    slippage: tuple[int, int]
    instruments: Mapping[str, Instrument]
    columns: Mapping[str, int]
    alphabet: Indices
    alike: Kinds

    @property
    def fractions(self) -> bool:
        """Whether quantities may have decimals."""
        return self.terms.fractions


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Whole numbers: quantities in 10^-digits, money in ``UNIT`` parts of that. ``held`` (N,), ``full`` a position."""

    digits: int
    held: Ticks
    full: int
    cash: Decimal

    @property
    def units(self) -> int:
        """Parts of a unit of quantity."""
        return int(10**self.digits)

    @property
    def money(self) -> int:
        """Parts of a unit of money."""
        return UNIT * self.units


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """K orders in the order of sending, as columns; ``price`` in ticks and ``fee`` in money are those of the fill.

    ``slot`` counts from the first of the stretch. ``held`` is the position before an order's slot; ``flat`` tells that
    nothing is held when it is sent.
    """

    slot: Indices
    column: Indices
    sign: Ticks
    quantity: Ticks
    rank: Ticks
    flat: Flags
    held: Ticks
    confidence: Floats
    mid: Ticks
    touch: Ticks
    spread: Floats
    price: Ticks
    fee: Ticks

    @property
    def entry(self) -> Flags:
        """Those that add to a position."""
        entries: Flags = self.rank == _ENTRY
        return entries


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Slots ``start`` to ``stop`` of the tape, c of them, with N symbols.

    ``mid`` (c, N) is in ticks, 0 where unknown. ``before`` and ``after`` (c, N) are the holdings around each slot.
    ``bad`` (c,) are slots of which something cannot be told, ``blind`` those that see no symbol at all.
    """

    start: int
    stop: int
    scale: Scale
    mid: Ticks
    trades: Flags
    before: Ticks
    after: Ticks
    bad: Flags
    blind: Flags
    orders: Orders

    def summed(self, values: Ticks, which: Flags | None = None) -> Ticks:
        """Sum of a column of the orders, all or some, by slot; exact."""
        slot = self.orders.slot
        if which is not None:
            slot, values = slot[which], values[which]
        total = np.zeros(self.stop - self.start, np.int64)
        np.add.at(total, slot, values)
        return total


def walk(desk: Resolved, tape: Tape, venue: Venue, scale: Scale, start: int, stop: int) -> Walk:
    """The stretch from ``start`` to ``stop`` (exclusive)."""
    fit, trades, prices = _seen(tape, start, stop)
    bid, ask = venue.feed.touches(prices)
    mid = np.where((bid > 0) & (ask > 0) & ((bid + ask) % 2 == 0), (bid + ask) // 2, 0)
    opinion = tape.target[0][_rows(tape, start, stop)]
    acts = fit & trades & ~np.isnan(opinion) & ~np.isnan(prices)
    wanted, odd = _wanted(opinion, acts, scale)
    after = _carried(acts, wanted, scale.held)
    before = np.concatenate((scale.held[None], after[:-1]))
    bad: Flags = tape.slots.forming[start:stop] < 0
    bad |= odd.any(axis=1)
    orders = _orders(tape, venue, scale, start, (before, after, bid, ask, mid))
    faulty = _faulty(desk, scale, orders)
    bad[orders.slot[faulty]] = True
    return Walk(start, stop, scale, mid, trades, before, after, bad, np.count_nonzero(fit, axis=1) == 0, orders)


def _rows(tape: Tape, start: int, stop: int) -> Indices | slice:
    """The rows of the slots; as a slice, which copies nothing, where they follow each other."""
    row = tape.slots.row[start:stop]
    if len(row) and row[0] >= 0 and row[-1] - row[0] == len(row) - 1 and bool((np.diff(row) == 1).all()):
        return slice(int(row[0]), int(row[-1]) + 1)
    return row


def _seen(tape: Tape, start: int, stop: int) -> tuple[Flags, Flags, FloatPanel]:
    """What a run decides on, what trades, and the prices met, (c, N) each."""
    at, history = tape.slots, tape.history
    row, forming = at.row[start:stop], at.forming[start:stop]
    rows = _rows(tape, start, stop)
    fit = history.fit[rows] & (tape.clock[history.newest[rows]] >= at.least[start:stop, None])
    fit &= (row >= 0)[:, None]
    trades = tape.steady[forming] & (forming >= 0)[:, None]
    opens = tape.bars.open[forming]
    prices = opens if trades.all() else np.where(trades, opens, tape.bars.close[row])
    return fit, trades, prices


def _wanted(opinion: FloatPanel, acts: Flags, scale: Scale) -> tuple[Ticks, Flags]:
    """Holdings that are wanted where there is an opinion, and where they are no whole numbers."""
    parts = np.where(acts, opinion, 0.0) * PARTS
    amounts = parts * (scale.full / PARTS)
    whole = np.rint(amounts)
    odd: Flags = (parts != np.rint(parts)) | (whole * PARTS != parts * scale.full)
    return whole.astype(np.int64), odd


def _carried(acts: Flags, wanted: Ticks, held: Ticks) -> Ticks:
    """Each cell's holding: the newest that was wanted in its column, else what was held before."""
    if acts.all():
        return wanted
    newest = np.where(acts, np.arange(1, len(acts) + 1, dtype=np.intp)[:, None], 0)
    np.maximum.accumulate(newest, axis=0, out=newest)
    carried: Ticks = np.take_along_axis(np.concatenate((held[None], wanted)), newest, axis=0)
    return carried


def _orders(tape: Tape, venue: Venue, scale: Scale, start: int, panels: tuple[Ticks, ...]) -> Orders:
    """The changes as orders: what leaves, then what enters, in the order of sending."""
    before, after, bid, ask, mid = panels
    slot, column = np.nonzero(before != after)
    was, now = before[slot, column], after[slot, column]
    leaves, enters = _legs(was, now)
    of = np.concatenate((leaves, enters))
    ranks = np.where(now[leaves] * was[leaves] > 0, _REDUCE, _EXIT)
    rank = np.concatenate((ranks, np.full(len(enters), _ENTRY)))
    turns = was[enters] * now[enters] < 0
    size = np.concatenate(
        (
            np.where(now[leaves] * was[leaves] > 0, np.abs(was[leaves] - now[leaves]), np.abs(was[leaves])),
            np.where(turns, np.abs(now[enters]), np.abs(now[enters] - was[enters])),
        )
    )
    flat = np.concatenate((np.zeros(len(leaves), np.bool_), turns | (was[enters] == 0)))
    trust = tape.confidence[0][tape.slots.row[start + slot[of]], column[of]]
    weight = size / scale.units
    sure = np.minimum(1.0, np.maximum(0.0, (weight * trust) / weight))
    sending = np.lexsort((venue.alphabet[column[of]], -sure, rank, slot[of]))
    of, rank, size, flat, sure = of[sending], rank[sending], size[sending], flat[sending], sure[sending]
    cells = slot[of], column[of]
    sign = np.sign(now[of] - was[of])
    touch = np.where(sign > 0, ask[cells], bid[cells])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (ask[cells] - bid[cells]) / mid[cells]
    price = _met(touch, sign, venue.slippage)
    fee = _fees(venue.terms, scale, size, price)
    return Orders(*cells, sign, size, rank, flat, was[of], sure, mid[cells], touch, spread, price, fee)


def _legs(was: Ticks, now: Ticks) -> tuple[Indices, Indices]:
    """Changes that take off a position, and those that add to one; a turn does both."""
    turns = was * now < 0
    shrinks = turns | (np.abs(now) < np.abs(was))
    return np.flatnonzero(shrinks), np.flatnonzero(turns | ~shrinks)


def _met(touch: Ticks, sign: Ticks, slippage: tuple[int, int]) -> Ticks:
    """The price of a fill: worse than the touch by the slippage, on the cent against the one who trades."""
    whole = _BPS * slippage[1]
    slipped = touch * (whole + sign * slippage[0])
    step = whole * CENTS
    met: Ticks = np.where(sign > 0, -(-slipped // step), slipped // step) * CENTS
    return met


def _fees(terms: PaperTerms, scale: Scale, quantity: Ticks, price: Ticks) -> Ticks:
    """The fee of each order, in money."""
    fee = terms.fee
    if not (fee.per_order or fee.per_share or fee.bps or fee.minimum):
        return np.zeros(len(quantity), np.int64)
    pairs = zip(quantity.tolist(), price.tolist(), strict=True)
    found = [fee.total(Decimal(q) / scale.units, Decimal(q * p) / scale.money) for q, p in pairs]
    return np.array([int(amount * scale.money) for amount in found], np.int64)


def _faulty(desk: Resolved, scale: Scale, orders: Orders) -> Flags:
    """Orders that sizing would cut or drop, that have no exact price, or that are short and not whole."""
    sizing = desk.plan.sizing
    value = orders.quantity / scale.units * (orders.mid / UNIT)
    cut = orders.entry & ~(value < float(sizing.max_trade) * (1 - 1e-12))
    dropped = (orders.rank != _EXIT) & ~(value > float(sizing.min_trade) * (1 + 1e-12))
    parts = orders.entry & (orders.sign < 0) & (orders.quantity % scale.units != 0)
    faulty: Flags = cut | dropped | parts | (orders.mid == 0) | (orders.price < UNIT)
    return faulty
