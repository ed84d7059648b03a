"""Orders from intent to fill. Which state may follow which is in ``order_states``."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from openbell.errors import InputError
from openbell.values.instrument import check_symbol
from openbell.values.slot import Slot


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"


class OrderClass(StrEnum):
    """Which orders stand or fall with it: none, exits that follow an entry (both or one), or an exit of two prices."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OTO = "oto"
    OCO = "oco"


class Purpose(StrEnum):
    """What an order does to the position: exits go first, then reductions, then entries."""

    EXIT = "exit"
    REDUCE = "reduce"
    ENTRY = "entry"

    @property
    def rank(self) -> int:
        """Place in the order of sending."""
        return _RANKS[self]


_RANKS = {purpose: place for place, purpose in enumerate(Purpose)}

#: The prices that an order of each type has; it has no others.
_NEEDS: Mapping[OrderType, frozenset[str]] = {
    OrderType.MARKET: frozenset(),
    OrderType.LIMIT: frozenset({"limit_price"}),
    OrderType.STOP: frozenset({"stop_price"}),
    OrderType.STOP_LIMIT: frozenset({"limit_price", "stop_price"}),
    OrderType.TRAILING_STOP: frozenset({"trail"}),
}


@dataclass(frozen=True, slots=True)
class Share:
    """A strategy's part of an intent: the signed quantity that it asked for."""

    strategy: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """An order that is wanted, frozen before anything is sent.

    ``quantity`` is unsigned and above zero; ``trail`` is a distance in price. ``reference`` is the price that
    the size was computed from. ``confidence`` is that of the strategies behind it, in [0, 1].

    ``take_profit`` and ``stop_loss`` are exits that the venue places when an entry has filled whole: with both it is a
    bracket. A limit order that closes, with a ``stop_loss``, is one that cancels the other (OCO).
    """

    id: str
    slot: str
    leg: int
    symbol: str
    side: Side
    quantity: Decimal
    purpose: Purpose
    reference: Decimal
    confidence: float = 1.0
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    shares: tuple[Share, ...] = ()
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    extended_hours: bool = False

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        self._check_exits()
        if not (self.quantity.is_finite() and self.quantity > 0):
            raise InputError(f"quantity {self.quantity} of intent {self.id} is not above 0")
        needs = _NEEDS[self.type]
        for name, price in (("limit_price", self.limit_price), ("stop_price", self.stop_price), ("trail", self.trail)):
            if (name in needs) is (price is None):
                raise InputError(f"a {self.type} order {'needs' if name in needs else 'takes no'} {name}")
            if price is not None and not (price.is_finite() and price > 0):
                raise InputError(f"{name} {price} of intent {self.id} is not above 0")

    def _check_exits(self) -> None:
        """Legs are prices above zero, and the profit lies beyond the loss as seen from the side of the order."""
        if self.take_profit is None and self.stop_loss is None:
            return
        legs = [price for price in (self.take_profit, self.stop_loss) if price is not None]
        for price in legs:
            if not (price.is_finite() and price > 0):
                raise InputError(f"leg {price} of intent {self.id} is not above 0")
        entry = self.purpose is Purpose.ENTRY
        kinds = (OrderType.MARKET, OrderType.LIMIT) if entry else (OrderType.LIMIT,)
        if self.type not in kinds or not (entry or self.take_profit is None):
            taken = (
                "a market or limit entry takes legs" if entry else "a limit order that closes takes a stop_loss only"
            )
            raise InputError(f"intent {self.id}: {taken}, not a {self.type} order of purpose {self.purpose}")
        if len(legs) > 1 and (legs[0] - legs[1]) * self.side.sign <= 0:
            raise InputError(f"intent {self.id}: take_profit {legs[0]} is not beyond stop_loss {legs[1]}")

    @property
    def order_class(self) -> OrderClass:
        """Simple, or by which legs there are."""
        if self.take_profit is None and self.stop_loss is None:
            return OrderClass.SIMPLE
        if self.purpose is not Purpose.ENTRY:
            return OrderClass.OCO
        return OrderClass.OTO if self.take_profit is None or self.stop_loss is None else OrderClass.BRACKET

    @property
    def signed(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity * self.side.sign

    @property
    def notional(self) -> Decimal:
        """Quantity at the reference price."""
        return self.quantity * self.reference


class OrderState(StrEnum):
    """Where an order stands."""

    PLANNED = "planned"
    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACKED = "acked"
    PARTIAL = "partial"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"
    ABANDONED = "abandoned"

    @property
    def terminal(self) -> bool:
        """Nothing is expected to follow."""
        return self in TERMINAL

    @property
    def working(self) -> bool:
        """The broker has it, or may have it."""
        return self in WORKING


TERMINAL = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.REJECTED,
        OrderState.DENIED,
        OrderState.ABANDONED,
    }
)
WORKING = frozenset(
    {OrderState.SENDING, OrderState.UNKNOWN, OrderState.ACKED, OrderState.PARTIAL, OrderState.PENDING_CANCEL}
)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as a broker or the store knows it; ``average_price`` is None until something is filled."""

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    state: OrderState
    updated: datetime
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    broker_id: str = ""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    reason: str = ""

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.filled


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; ``id`` is the broker's own and is applied once. ``fee`` is in the account's currency.

    ``corrects`` are ids of executions that it stands for from now on: those of them in the books go when it comes.
    """

    id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time: datetime
    corrects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.quantity > 0 and self.price > 0 and self.fee.is_finite()):
            raise InputError(f"fill {self.id}: quantity {self.quantity} and price {self.price} must be above 0")

    @property
    def signed(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity * self.side.sign


@dataclass(frozen=True, slots=True)
class Bust:
    """An execution that the venue took back at ``time``; ``fill`` is its id."""

    fill: str
    client_id: str
    time: datetime


def client_order_id(
    account: str, environment: str, strategies: Iterable[str], slot: Slot, symbol: str, leg: int
) -> str:
    """The id of an intent: 29 characters of [a-z0-9-], the same wherever and whenever it is computed.

    It depends on what the order is for and never on quantity, price, attempt or clock, so that a second
    evaluation of the slot can only ever name the same order.
    """
    parts = (account, environment, "+".join(sorted(strategies)), slot.key, symbol, str(leg))
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return "ob-" + base64.b32encode(digest[:20]).decode().lower()[:26]
