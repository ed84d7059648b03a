"""From what several strategies want to one order per symbol: sized once, netted once, attributed to each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isnan
from typing import NamedTuple, Protocol

from openbell.sizing.base import Sizer, SizingContext
from openbell.values.legs import independent
from openbell.values.market import Market
from openbell.values.money import STEP, ZERO, floor_to, text, to_decimal
from openbell.values.orders import Order, OrderIntent, Purpose, Share, Side, client_order_id
from openbell.values.plan import Sizing
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import NoTrade, Unplaced

#: Weights and targets are few different numbers, asked for once per strategy and symbol.
_exact = lru_cache(maxsize=4096)(to_decimal)


class Seat(Protocol):
    """A strategy's place in a plan, as far as netting needs it."""

    @property
    def label(self) -> str:
        """Name in signals and books."""

    @property
    def weight(self) -> float:
        """Share of the sizing that the strategy gets."""


@dataclass(frozen=True, slots=True)
class Netted:
    """Orders that are wanted, symbols with signals that got none, and what was cut on the way."""

    intents: tuple[OrderIntent, ...]
    unplaced: tuple[Unplaced, ...]
    notes: tuple[str, ...] = ()


class _Wish(NamedTuple):
    """One strategy's book in one symbol and where it wants it; the same when it holds.

    It ``asks`` when it has an opinion, and ``acts`` when that has a size.
    """

    label: str
    booked: Decimal
    wanted: Decimal
    confidence: float
    asks: bool
    acts: bool

    @property
    def change(self) -> Decimal:
        return self.wanted - self.booked


@dataclass(frozen=True, slots=True)
class _Leg:
    """One signed order of a symbol."""

    leg: int
    quantity: Decimal
    purpose: Purpose


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    """Everything that one symbol's orders follow from."""

    seats: Sequence[Seat]
    said: Mapping[tuple[str, str], Signal]
    sizes: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]
    coming: Mapping[str, Decimal]
    sizing: Sizing
    market: Market
    slot: Slot
    environment: str

    def place(self, symbol: str) -> tuple[tuple[OrderIntent, ...], Unplaced | None, tuple[str, ...]]:
        """The orders of one symbol, or why there is none, and what was cut."""
        wishes = [self._wish(seat, symbol) for seat in self.seats]
        if (reason := self._out(symbol, wishes)) is not None:
            return (), reason, ()
        held = self.market.account.quantity(symbol)
        coming = self.coming.get(symbol, ZERO)
        change = _still_to_send(_wanted_change(wishes, held), coming)
        if change == 0:
            return (), Unplaced(symbol, NoTrade.AT_TARGET, _stand(wishes, held, coming)), ()
        flat = all(wish.wanted == 0 for wish in wishes)
        return self._orders(symbol, wishes, _legs(held + coming, change, flat))

    def _wish(self, seat: Seat, symbol: str) -> _Wish:
        booked = self.market.activity.books.get((seat.label, symbol), ZERO)
        signal = self.said.get((seat.label, symbol))
        if signal is None or isnan(signal.target):
            return _Wish(seat.label, booked, booked, 0.0, asks=False, acts=False)
        if signal.target == 0:
            return _Wish(seat.label, booked, ZERO, signal.confidence, asks=True, acts=True)
        if symbol not in self.sizes:
            return _Wish(seat.label, booked, booked, 0.0, asks=True, acts=False)
        share = _exact(seat.weight) * _exact(signal.target)
        wanted = share * self.sizes[symbol] if share else ZERO
        return _Wish(seat.label, booked, wanted, signal.confidence, asks=True, acts=True)

    def _out(self, symbol: str, wishes: Sequence[_Wish]) -> Unplaced | None:
        """What keeps a symbol out before any quantity is looked at."""
        instrument = self.market.instruments.get(symbol)
        if not any(wish.asks for wish in wishes):
            return Unplaced(symbol, NoTrade.HOLD, "no strategy asks for a change")
        if symbol not in self.prices:
            return Unplaced(symbol, NoTrade.NO_PRICE, "neither a quote nor a close")
        if instrument is None or instrument.tradable is not True:
            return Unplaced(symbol, NoTrade.NOT_TRADABLE, "halted" if instrument else "unknown to the venue")
        if not any(wish.acts for wish in wishes):
            return Unplaced(symbol, NoTrade.ZERO, "the sizer gives no size")
        return None

    def _orders(
        self, symbol: str, wishes: Sequence[_Wish], legs: Iterable[_Leg]
    ) -> tuple[tuple[OrderIntent, ...], Unplaced | None, tuple[str, ...]]:
        intents: list[OrderIntent] = []
        unplaced: list[Unplaced] = []
        notes: list[str] = []
        for leg in legs:
            quantity, note = self._fit(symbol, leg)
            notes += [note] if note else []
            if (reason := self._too_small(symbol, leg, quantity)) is not None:
                unplaced.append(reason)
            else:
                intents.append(self._intent(symbol, wishes, _Leg(leg.leg, quantity, leg.purpose)))
        return tuple(intents), None if intents else unplaced[0], tuple(notes)

    def _fit(self, symbol: str, leg: _Leg) -> tuple[Decimal, str]:
        """The leg in whole steps of the instrument, an entry no larger than the plan's ``max_trade``."""
        price, step, most = self.prices[symbol], self.market.instruments[symbol].step, self.sizing.max_trade
        if leg.purpose is not Purpose.ENTRY or abs(leg.quantity) * price <= most:
            return floor_to(leg.quantity, step), ""
        fitted = floor_to((most / price).copy_sign(leg.quantity), step)
        return fitted, f"{symbol}: max_trade {text(most)} cuts {text(leg.quantity)} to {text(fitted)}"

    def _too_small(self, symbol: str, leg: _Leg, quantity: Decimal) -> Unplaced | None:
        value, least = abs(quantity) * self.prices[symbol], self.sizing.min_trade
        if quantity == 0:
            step = self.market.instruments[symbol].step
            return Unplaced(
                symbol, NoTrade.ZERO, f"a change of {leg.quantity:.4f} is less than one step of {text(step)}"
            )
        if leg.purpose is not Purpose.EXIT and value < least:
            return Unplaced(symbol, NoTrade.BELOW_MIN_TRADE, f"{value:.2f} is below min_trade {text(least)}")
        return None

    def _intent(self, symbol: str, wishes: Sequence[_Wish], leg: _Leg) -> OrderIntent:
        shares = _split(wishes, leg.quantity)
        labels = [seat.label for seat in self.seats]
        return OrderIntent(
            id=client_order_id(self.market.account.id, self.environment, labels, self.slot, symbol, leg.leg),
            slot=self.slot.key,
            leg=leg.leg,
            symbol=symbol,
            side=Side.BUY if leg.quantity > 0 else Side.SELL,
            quantity=abs(leg.quantity),
            purpose=leg.purpose,
            reference=self.prices[symbol],
            confidence=_confidence(wishes, shares),
            shares=shares,
        )


def net(
    seats: Sequence[Seat],
    signals: Iterable[Signal],
    sizer: Sizer,
    sizing: Sizing,
    market: Market,
    slot: Slot,
    environment: str,
) -> Netted:
    """One order per symbol and leg, with each strategy's part of it.

    A strategy wants weight x target x full size; without a signal or an opinion it keeps what its book holds.
    The change of all books, less what open orders already bring, is the order. What the account holds beyond
    the books was traded by hand and is left alone; where it holds less, an exit ends at zero.
    """
    said = {(signal.strategy, signal.symbol): signal for signal in signals}
    symbols = tuple(dict.fromkeys(symbol for _, symbol in said))
    prices = _prices(market, symbols)
    sizes = sizer.full_sizes(SizingContext(_equity(market), prices, market.bars))
    coming = _coming(independent(market.open_orders))
    desk = _Desk(seats, said, sizes, prices, coming, sizing, market, slot, environment)
    placed = [desk.place(symbol) for symbol in symbols]
    return Netted(
        tuple(intent for intents, _, _ in placed for intent in intents),
        tuple(unplaced for _, unplaced, _ in placed if unplaced is not None),
        tuple(note for _, _, notes in placed for note in notes),
    )


def _prices(market: Market, symbols: Iterable[str]) -> dict[str, Decimal]:
    found = ((symbol, market.price(symbol)) for symbol in symbols)
    return {symbol: price for symbol, price in found if price is not None and price > 0}


def _equity(market: Market) -> Decimal | None:
    """Equity at the known prices, None when a held symbol has none."""
    held = [symbol for symbol, position in market.account.positions.items() if position.quantity]
    marks = _prices(market, held)
    return market.account.equity(marks) if len(marks) == len(held) else None


def _coming(orders: Iterable[Order]) -> dict[str, Decimal]:
    """Signed rest of the open orders by symbol."""
    rest: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        if not order.state.terminal:
            rest[order.symbol] += order.remaining * order.side.sign
    return dict(rest)


def _wanted_change(wishes: Sequence[_Wish], held: Decimal) -> Decimal:
    """Change of all books, stopped where the account holds less than they say (a sale by hand)."""
    booked, wanted = sum((w.booked for w in wishes), ZERO), sum((w.wanted for w in wishes), ZERO)
    change = wanted - booked
    if booked > 0 > change and held < booked:
        return max(held + change, min(held, wanted, ZERO)) - held
    if booked < 0 < change and held > booked:
        return min(held + change, max(held, wanted, ZERO)) - held
    return change


def _still_to_send(change: Decimal, coming: Decimal) -> Decimal:
    """The change less what is on its way; more on its way than wanted is never answered by the opposite order."""
    rest = change - coming
    return rest if rest * change > 0 else ZERO


def _legs(position: Decimal, change: Decimal, flat: bool) -> tuple[_Leg, ...]:
    """One leg, or two where the change goes through zero: first close, then open."""
    after = position + change
    if position * change >= 0:
        return (_Leg(0, change, Purpose.ENTRY),)
    if position * after < 0:
        return _Leg(0, -position, Purpose.EXIT), _Leg(1, after, Purpose.ENTRY)
    return (_Leg(0, change, Purpose.EXIT if flat or after == 0 else Purpose.REDUCE),)


def _split(wishes: Sequence[_Wish], quantity: Decimal) -> tuple[Share, ...]:
    """Each strategy's signed part, in proportion to its own change; the largest takes what rounding leaves."""
    moving = [wish for wish in wishes if wish.change]
    total = sum((wish.change for wish in moving), ZERO)
    parts = {wish.label: floor_to(wish.change * quantity / total, STEP) for wish in moving}
    largest = max(moving, key=lambda wish: abs(wish.change)).label
    parts[largest] += quantity - sum(parts.values(), ZERO)
    return tuple(Share(label, part) for label, part in parts.items() if part)


def _confidence(wishes: Sequence[_Wish], shares: Sequence[Share]) -> float:
    """Confidence of the strategies that move, weighted by the size of their parts."""
    of = {wish.label: wish.confidence for wish in wishes}
    weights = [(float(abs(share.quantity)), of[share.strategy]) for share in shares]
    mean = sum(weight * confidence for weight, confidence in weights) / sum(weight for weight, _ in weights)
    return min(1.0, max(0.0, mean))


def _stand(wishes: Sequence[_Wish], held: Decimal, coming: Decimal) -> str:
    wanted = sum((wish.wanted for wish in wishes), ZERO)
    return f"wanted {wanted:.6g}, account holds {text(held)}, {text(coming)} on the way"
