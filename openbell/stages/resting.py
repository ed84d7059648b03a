"""Protective stops that rest at the broker: which there are, which there should be, and how one is taken back.

A stop is an intent of the exits job like any other, with an id of its own; the venue holds it while nobody looks. Its
shares are spoken for, so it is taken back, and its end waited for, before anything else is sent in its symbol.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from openbell.crashpoints import reach
from openbell.exits.base import ExitRule
from openbell.exits.judge import Fired
from openbell.ports import Broker, Capabilities, Journal, Unsettled
from openbell.ports.exits import Entry
from openbell.stages.flatten import UNBOOKED, closing_intent
from openbell.stages.pace import Pace
from openbell.stages.settle import Resolver
from openbell.stages.steps import mark_canceling
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.job import EXITS
from openbell.values.legs import group_of, parent_of
from openbell.values.money import ZERO, floor_to, text
from openbell.values.orders import Order, OrderIntent, OrderState, OrderType, Share, Side, TimeInForce
from openbell.values.slot import Slot

#: The leg of a stop; the exit that closes a symbol in the same slot is leg 0.
LEG = 1
#: How long the end of a stop is waited for, and how often it is looked at: a position is bare meanwhile.
PATIENCE, LOOK = timedelta(seconds=5), timedelta(milliseconds=500)
#: A stop whose price is off by no more than this fraction is as good as a new one.
NEAR = Decimal("0.002")
#: Stops that can be taken back; of the others it is not known whether they are there.
_KNOWN = (OrderState.ACKED, OrderState.PARTIAL, OrderState.PENDING_CANCEL)


@dataclass(frozen=True, slots=True)
class Level:
    """Where the stop of a position belongs: ``quantity`` signed, with the rule that says so."""

    symbol: str
    quantity: Decimal
    price: Decimal
    rule: ExitRule


@dataclass(frozen=True, slots=True)
class Stops:
    """Stops that are missing, and those that are to go: of the wrong size or price, or with nothing left to protect."""

    missing: tuple[Level, ...]
    stale: tuple[Unsettled, ...]


def at_rest(journal: Journal, account: str) -> tuple[Unsettled, ...]:
    """Every protective order of an account, of whatever plan, that the broker has or may have."""
    return protective(order for order in journal.unsettled(account) if order.state.working)


def protective(orders: Iterable[Unsettled]) -> tuple[Unsettled, ...]:
    """The stops of the exits job, and the legs of entries that have filled; those of working entries still sleep."""
    working = tuple(orders)
    there = {order.intent.id for order in working}
    return tuple(order for order in working if _protects(order, there))


def _protects(order: Unsettled, there: Collection[str]) -> bool:
    if parent := parent_of(order.intent.id):
        return parent not in there
    return order.slot.job == EXITS.name and order.intent.type is OrderType.STOP


def without(orders: Iterable[Order], stops: Iterable[Unsettled]) -> tuple[Order, ...]:
    """Orders without those that are taken back before anything is sent."""
    gone = {stop.intent.id for stop in stops}
    return tuple(order for order in orders if order.client_id not in gone)


# --- what should be there ------------------------------------------------------------------------------------


def levels(
    rules: Sequence[ExitRule], mode: str, held: Mapping[str, Decimal], account: Account, venue: Capabilities
) -> dict[str, Level]:
    """Where stops belong, by symbol: of the first rule that wants one, where the venue takes stops that last."""
    if OrderType.STOP not in venue.order_types or TimeInForce.GTC not in venue.terms:
        return {}
    found = (_level(rules, mode, symbol, quantity, account) for symbol, quantity in held.items() if "/" not in symbol)
    return {level.symbol: level for level in found if level is not None}


def _level(rules: Sequence[ExitRule], mode: str, symbol: str, quantity: Decimal, account: Account) -> Level | None:
    average = account.positions[symbol].average_price
    if not (average.is_finite() and average > 0):
        return None
    prices = ((rule, rule.resting_stop(average, quantity > 0, mode)) for rule in rules)
    rule, price = next(((rule, price) for rule, price in prices if price is not None), (None, None))
    return Level(symbol, quantity, price, rule) if rule and price is not None and price > 0 else None


def compare(
    wanted: Mapping[str, Level], stops: Iterable[Unsettled], busy: Collection[str], held: Mapping[str, Decimal]
) -> Stops:
    """What is missing and what is stale; of ``busy`` symbols, which have another order at work, nothing is missing.

    A stop without a known outcome is left alone until it has one, and so is a leg as long as it closes what is held,
    at whatever price: its order brought it along.
    """
    by_symbol: dict[str, list[Unsettled]] = {}
    for stop in stops:
        by_symbol.setdefault(stop.intent.symbol, []).append(stop)
    stale = [
        stop
        for symbol, there in by_symbol.items()
        for place, stop in enumerate(there)
        if stop.state in _KNOWN
        and (
            (place and group_of(stop.intent.id) != group_of(there[0].intent.id))
            or not _fits(stop, wanted.get(symbol), held.get(symbol, ZERO))
        )
    ]
    good = {symbol for symbol, there in by_symbol.items() if any(_stops(stop) and stop not in stale for stop in there)}
    missing = [level for symbol, level in wanted.items() if symbol not in good and symbol not in busy]
    return Stops(tuple(missing), tuple(stale))


def _stops(order: Unsettled) -> bool:
    return order.intent.type is OrderType.STOP


def _fits(stop: Unsettled, level: Level | None, held: Decimal) -> bool:
    """Whether a stop still protects what is held: the parts of a unit beyond it are watched by the job alone."""
    if stop.state is OrderState.PENDING_CANCEL:
        return False
    rest, side = abs(held) - (stop.quantity - stop.filled), Side.SELL if held > 0 else Side.BUY
    if stop.intent.side is not side or not 0 <= rest < 1:
        return False
    if parent_of(stop.intent.id):
        return True
    price = stop.intent.stop_price
    return level is not None and price is not None and abs(price - level.price) <= NEAR * level.price


def stop_intent(
    level: Level, entry: Entry, slot: Slot, account: Account, instrument: Instrument | None
) -> OrderIntent | None:
    """The order for a level, in whole lots and at a whole tick on the side of the entry; None for less than a lot."""
    if instrument is None:
        return None
    long = level.quantity > 0
    size, tick = floor_to(abs(level.quantity), instrument.lot), instrument.tick_at(level.price)
    price = (level.price / tick).to_integral_value(ROUND_CEILING if long else ROUND_FLOOR) * tick
    if size <= 0 or price <= 0:
        return None
    shares = tuple(Share(name, -part) for name, part in entry.books.items() if part and name != UNBOOKED)
    plain = closing_intent(
        account, EXITS.name, slot, level.symbol, size.copy_sign(level.quantity), level.price, shares, LEG
    )
    return replace(plain, type=OrderType.STOP, stop_price=price, time_in_force=TimeInForce.GTC)


def told(level: Level, intent: OrderIntent) -> Fired:
    """The rule behind a stop, as the record and the verdict show it."""
    price = text(intent.stop_price or level.price)
    return Fired(level.symbol, level.rule.name, "a stop at the broker at", price, level.rule.say(level.rule.limit))


# --- taking back ---------------------------------------------------------------------------------------------


def take_back(journal: Journal, broker: Broker, pace: Pace, stops: Sequence[Unsettled], why: str) -> frozenset[str]:
    """Ask for a cancel of each stop and wait for its end; returns the symbols whose stop may still be there.

    One without a known outcome is not asked for: it counts as still there.
    """
    known = [stop for stop in stops if stop.state in _KNOWN]
    for stop in known:
        mark_canceling(journal, stop, pace.now(), why)
        reach("before-cancel")
        broker.cancel(stop.intent.id)
        reach("during-cancel")
    unclear = {stop.intent.symbol for stop in stops if stop.state not in _KNOWN}
    return frozenset(unclear | _awaited(journal, broker, pace, {stop.intent.id for stop in known}))


def _awaited(journal: Journal, broker: Broker, pace: Pace, ids: Collection[str]) -> set[str]:
    resolver = Resolver(journal, broker, pace, lambda _: None, lambda _: timedelta(0))
    left: list[Unsettled] = []
    for look in range(PATIENCE // LOOK + 1 if ids else 0):
        if look:
            pace.wait(LOOK)
        resolver.settle([order for order in journal.unsettled(broker.account_id) if order.intent.id in ids])
        left = [order for order in journal.unsettled(broker.account_id) if order.intent.id in ids]
        if not left:
            break
    return {order.intent.symbol for order in left}
