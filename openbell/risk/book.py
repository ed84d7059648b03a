"""The account as the next intent sees it: what is held, what is on its way, what may still be spent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.ports import Capabilities
from openbell.values.instrument import Instrument
from openbell.values.money import ZERO
from openbell.values.orders import Order, OrderClass, OrderIntent, OrderType, Purpose, Side, TimeInForce

#: Stands for unknown inside sums: it spreads through arithmetic and never leaves this module.
_NAN = Decimal("NaN")
#: Amounts outside 1e-18 to 1e19 are no amounts of any market; they count as unknown.
_DIGITS = 18


def known(amount: Decimal | None) -> bool:
    """Whether an amount is there, finite and of a size that a market knows; ask before any comparison."""
    if amount is None or not amount.is_finite():
        return False
    return not amount or -_DIGITS <= amount.adjusted() <= _DIGITS


def _sane(amount: Decimal | None) -> Decimal:
    return amount if amount is not None and known(amount) else _NAN


def _told(amount: Decimal) -> Decimal | None:
    return amount if amount.is_finite() else None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the book, kept so that a fill moves them instead of counting again.

    ``high`` and ``low`` are the net exposure if all open buys, or all open sells, fill. ``gross`` takes the
    worse of both for each symbol. ``occupied`` counts symbols that are held or have an open order.
    """

    gross: Decimal
    high: Decimal
    low: Decimal
    occupied: int


#: What open orders have still to buy, and to sell, by symbol.
Rests = tuple[Mapping[str, Decimal], Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Book:
    """Account, prices, open orders and counters before one intent; ``after`` gives the book before the next.

    ``positions`` are signed. A symbol without a price or a price age is absent, unknown amounts are None, and
    whatever is not finite counts as unknown. ``recent`` holds (symbol, side) of orders inside the duplicate
    window. ``uncapped`` is the value of this run's entries without a price limit, which may cost more than
    they seem to. ``spreads`` are those of the quotes, as fractions of the middle. ``breaks`` says why entries
    wait, by symbol; the empty symbol stands for all. ``orders_last_minute`` is known at the last gate only: orders
    go out one by one.
    """

    as_of: datetime
    cash: Decimal
    equity: Decimal | None
    buying_power: Decimal | None
    positions: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]
    price_ages: Mapping[str, timedelta]
    open_orders: tuple[Order, ...]
    instruments: Mapping[str, Instrument]
    capabilities: Capabilities
    equity_at_open: Decimal | None
    peak_equity: Decimal | None
    orders_this_run: int
    orders_today: int
    recent: frozenset[tuple[str, str]]
    quote_limit: timedelta
    uncapped: Decimal = ZERO
    breaks: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    orders_last_minute: int = 0
    spreads: Mapping[str, Decimal] = field(default_factory=dict)
    #: None until somebody asks for ``totals`` and ``rests``; whoever replaces what they are counted from resets both.
    counted: Totals | None = field(default=None, repr=False, compare=False)
    resting_by_side: Rests | None = field(default=None, repr=False, compare=False)

    @property
    def totals(self) -> Totals:
        """The sums over the book, counted once."""
        counted = self.counted or _count(self)
        object.__setattr__(self, "counted", counted)
        return counted

    @property
    def rests(self) -> Rests:
        """What the open orders have still to buy and to sell, counted once."""
        rests = self.resting_by_side or (_rest(self.open_orders, Side.BUY), _rest(self.open_orders, Side.SELL))
        object.__setattr__(self, "resting_by_side", rests)
        return rests

    # --- one symbol ---

    def held(self, symbol: str) -> Decimal | None:
        """Signed quantity, zero when none."""
        return _told(self._held(symbol))

    def price(self, symbol: str) -> Decimal | None:
        """Current price, above zero."""
        return _told(self._price(symbol))

    def pending(self, symbol: str) -> Decimal | None:
        """Signed rest of the open orders on the side that would leave the larger position."""
        held, buys, sells = self._held(symbol), self._buys(symbol), self._sells(symbol)
        if not (held + buys - sells).is_finite():
            return None
        return buys if abs(held + buys) >= abs(held - sells) else -sells

    def closable(self, symbol: str, side: Side) -> Decimal | None:
        """What an order of that side can take off the position; open orders of the same side have first claim."""
        held = self._held(symbol)
        rest = held - self._sells(symbol) if side is Side.SELL else -held - self._buys(symbol)
        return max(ZERO, rest) if rest.is_finite() else None

    def resting(self, symbol: str, side: Side) -> Decimal | None:
        """Unsigned rest of the open orders of one side."""
        return _told(self._buys(symbol) if side is Side.BUY else self._sells(symbol))

    def shrinks(self, intent: OrderIntent) -> bool:
        """Whether the intent only takes off a position, whatever it says of itself."""
        closable = self.closable(intent.symbol, intent.side)
        return closable is not None and intent.quantity <= closable

    def occupied(self, symbol: str) -> bool:
        """Whether the symbol takes up one of the places for positions."""
        return _taken(self._held(symbol), self._buys(symbol), self._sells(symbol))

    def step(self, intent: OrderIntent) -> Decimal | None:
        """The smallest quantity that this order may move by; None for an unknown instrument.

        Parts of a unit need an instrument and a venue that know them, a simple market order for the day (the common
        ground of the venues) and no short sale.
        """
        instrument = self.instruments.get(intent.symbol)
        if instrument is None or not known(instrument.lot):
            return None
        if not instrument.fractionable:
            return instrument.lot
        simple = intent.type is OrderType.MARKET and intent.time_in_force is TimeInForce.DAY
        simple = simple and intent.order_class is OrderClass.SIMPLE
        fractions = self.capabilities.fractions is True and simple
        entry = intent.purpose is Purpose.ENTRY
        short = entry and intent.side is Side.SELL and not self.shrinks(intent)
        return instrument.step if fractions and not short else instrument.lot

    # --- exposure ---

    @property
    def gross(self) -> Decimal | None:
        """Sum of |quantity x price|, each symbol with the worse side of its open orders."""
        return _told(self.totals.gross)

    @property
    def net(self) -> Decimal | None:
        """Signed sum of quantity x price with the worse side of all open orders."""
        high, low = self.totals.high, self.totals.low
        if not (high + low).is_finite():
            return None
        return high if abs(high) >= abs(low) else low

    def reach(self, symbol: str, side: Side) -> Decimal | None:
        """Value of the position counted in the direction of ``side``, if its open orders on that side fill."""
        if side is Side.BUY:
            return _told((self._held(symbol) + self._buys(symbol)) * self._price(symbol))
        return _told((self._sells(symbol) - self._held(symbol)) * self._price(symbol))

    def net_reach(self, side: Side) -> Decimal | None:
        """Net exposure counted in the direction of ``side``, if all open orders on that side fill."""
        return _told(self.totals.high if side is Side.BUY else -self.totals.low)

    def gross_elsewhere(self, symbol: str) -> Decimal | None:
        """Gross exposure of all other symbols."""
        return _told(self.totals.gross - self._gross(symbol, self._held(symbol)))

    def cost(self, intent: OrderIntent) -> Decimal | None:
        """Value of the intent at the worst of current price, reference and limit."""
        price, reference = self._price(intent.symbol), _sane(intent.reference)
        limit = price if intent.limit_price is None else _sane(intent.limit_price)
        if not (known(intent.quantity) and (price + reference + limit).is_finite()):
            return None
        return intent.quantity * max(price, reference, limit)

    # --- the next book ---

    def after(self, intent: OrderIntent, quantity: Decimal) -> "Book":
        """The book as if ``quantity`` filled at the price known now.

        The worst case for what may still be spent: a sale brings nothing in, and an entry of either side uses
        up buying power.
        """
        if not quantity > 0:
            return self
        sent = intent if quantity == intent.quantity else replace(intent, quantity=quantity)
        symbol, entry, cost = sent.symbol, sent.purpose is Purpose.ENTRY, _sane(self.cost(sent))
        return replace(
            self,
            cash=_sane(self.cash) - (cost if sent.side is Side.BUY else ZERO),
            buying_power=_sane(self.buying_power) - (ZERO if self.shrinks(sent) else cost),
            positions={**self.positions, symbol: self._held(symbol) + sent.signed},
            orders_this_run=self.orders_this_run + 1,
            orders_today=self.orders_today + 1,
            recent=self.recent | {(symbol, sent.side.value)} if entry else self.recent,
            uncapped=self.uncapped + (cost if entry and sent.limit_price is None else ZERO),
            counted=self._moved(symbol, sent.signed),
        )

    def _moved(self, symbol: str, signed: Decimal) -> Totals | None:
        if self.counted is None:
            return None
        before = self._held(symbol)
        now = before + signed
        value = signed * self._price(symbol)
        buys, sells = self._buys(symbol), self._sells(symbol)
        return replace(
            self.totals,
            gross=self.totals.gross + self._gross(symbol, now) - self._gross(symbol, before),
            high=self.totals.high + value,
            low=self.totals.low + value,
            occupied=self.totals.occupied + _taken(now, buys, sells) - _taken(before, buys, sells),
        )

    # --- with NaN for unknown ---

    def _held(self, symbol: str) -> Decimal:
        return _sane(self.positions.get(symbol, ZERO))

    def _price(self, symbol: str) -> Decimal:
        return _usable(self.prices.get(symbol))

    def _buys(self, symbol: str) -> Decimal:
        return self.rests[0].get(symbol, ZERO)

    def _sells(self, symbol: str) -> Decimal:
        return self.rests[1].get(symbol, ZERO)

    def _gross(self, symbol: str, held: Decimal) -> Decimal:
        high, low = held + self._buys(symbol), held - self._sells(symbol)
        return _worse(high, low) * self._price(symbol) if _taken(held, high, low) else ZERO


def _taken(held: Decimal, buys: Decimal, sells: Decimal) -> bool:
    # NaN is true: what is not known to be empty is taken.
    return bool(held) or bool(buys) or bool(sells)


def _worse(high: Decimal, low: Decimal) -> Decimal:
    return max(abs(high), abs(low)) if (high + low).is_finite() else _NAN


def _usable(price: Decimal | None) -> Decimal:
    return price if price is not None and known(price) and price > 0 else _NAN


def _count(book: Book) -> Totals:
    buys, sells = book.rests
    if not buys and not sells:
        return _count_held(book)
    gross, high, low, occupied = ZERO, ZERO, ZERO, 0
    for symbol in {**book.positions, **buys, **sells}:
        held = _sane(book.positions.get(symbol, ZERO))
        up, down = held + buys.get(symbol, ZERO), held - sells.get(symbol, ZERO)
        if _taken(held, up, down):
            price = _usable(book.prices.get(symbol))
            gross, high, low = gross + _worse(up, down) * price, high + up * price, low + down * price
            occupied += 1
    return Totals(gross, high, low, occupied)


def _count_held(book: Book) -> Totals:
    """The same where no order is open."""
    gross, net, occupied = ZERO, ZERO, 0
    for symbol, quantity in book.positions.items():
        if held := _sane(quantity):  # NaN is true here too
            value = held * _usable(book.prices.get(symbol))
            gross, net = gross + abs(value), net + value
            occupied += 1
    return Totals(gross, net, net, occupied)


def _rest(orders: tuple[Order, ...], side: Side) -> dict[str, Decimal]:
    """Open quantity by symbol; an order whose rest is unknown or below zero makes its symbol unknown."""
    rest: dict[str, Decimal] = {}
    for order in orders:
        if order.side is side and not order.state.terminal:
            left = _sane(order.quantity) - _sane(order.filled)
            left = left if left.is_finite() and left >= 0 else _NAN
            rest[order.symbol] = rest.get(order.symbol, ZERO) + left
    return rest
