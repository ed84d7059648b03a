"""One account at one venue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from openbell.values.account import Account
from openbell.values.breaks import Activity
from openbell.values.instrument import Instrument, is_coin
from openbell.values.orders import Bust, Fill, Order, OrderClass, OrderIntent, OrderType, TimeInForce


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do; the gate denies the rest before anything is sent.

    ``coin_terms`` are the terms of coins where they differ. An entry below ``min_notional`` is not taken.
    """

    unique_client_ids: bool
    fractions: bool
    shorting: bool
    order_types: frozenset[OrderType]
    order_classes: frozenset[OrderClass] = frozenset({OrderClass.SIMPLE})
    terms: frozenset[TimeInForce] = frozenset(TimeInForce)
    coin_terms: frozenset[TimeInForce] = frozenset(TimeInForce)
    extended_hours: bool = False
    min_notional: Decimal = Decimal(0)

    def termed(self, intents: tuple[OrderIntent, ...]) -> tuple[OrderIntent, ...]:
        """The same orders; market orders of coins go at once or not at all where the venue takes none for the day."""
        if TimeInForce.DAY in self.coin_terms or TimeInForce.IOC not in self.coin_terms:
            return intents
        return tuple(replace(each, time_in_force=TimeInForce.IOC) if _of_the_day(each) else each for each in intents)

    def beyond(self, intent: OrderIntent) -> str:
        """Which part of an order the venue does not know, empty for none: an adapter refuses it and never drops it."""
        if intent.order_class not in self.order_classes:
            return f"{intent.order_class} orders"
        return "extended hours" if intent.extended_hours and not self.extended_hours else ""


def _of_the_day(intent: OrderIntent) -> bool:
    market = intent.type is OrderType.MARKET and intent.time_in_force is TimeInForce.DAY
    return market and is_coin(intent.symbol)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has the order; ``legs`` are those of its legs that it is known to have as well.

    ``concern`` is what a person must know of it, as that it was called back at once.
    """

    order: Order
    legs: tuple[Order, ...] = ()
    concern: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker certainly does not have the order.

    ``retry_at`` is when it will listen again, where nothing is wrong but that too much was asked of it.
    """

    code: str
    message: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the broker has the order: look it up, never send it again blindly."""

    reason: str


Submission = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The venue's own time and whether it is open now; ``coins``: whether what is no stock trades all the same."""

    now: datetime
    is_open: bool
    coins: bool = False


class Broker(Protocol):
    """One account at one venue. Questions raise BrokerUnavailable; ``submit`` and ``cancel`` never do."""

    @property
    def account_id(self) -> str:
        """The account's own number or name."""

    @property
    def environment(self) -> str:
        """``paper`` or ``live``, as the venue says it."""

    @property
    def capabilities(self) -> Capabilities:
        """What the venue can do."""

    def clock(self) -> BrokerClock:
        """The venue's clock."""

    def account(self) -> Account:
        """Cash, buying power and positions."""

    def open_orders(self) -> tuple[Order, ...]:
        """Every order that is not terminal, all pages."""

    def order(self, client_id: str) -> Order | None:
        """The order with our id, or None when the venue says that there is none; legs have ids of their own too."""

    def submit(self, intent: OrderIntent) -> Submission:
        """Send once, without any retry, an order with its legs; Rejected means that the venue has none of them."""

    def cancel(self, client_id: str) -> Submission:
        """Ask for a cancel; the order may still fill."""

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions at or after ``since``, oldest first."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Facts of each symbol; an unknown symbol is absent."""


@runtime_checkable
class TakesBack(Protocol):
    """A broker whose venue takes executions back; its ``fills`` leave them out, and this tells of them."""

    def busts(self, since: datetime) -> tuple[Bust, ...]:
        """Executions that were taken back at or after ``since``, oldest first."""


def busts_of(broker: Broker, since: datetime) -> tuple[Bust, ...]:
    """What the venue took back; nothing at one that never does."""
    return broker.busts(since) if isinstance(broker, TakesBack) else ()


@runtime_checkable
class TellsActivities(Protocol):
    """A broker whose venue names what moved an account without an order, such as fees and dividends."""

    def activities(self, since: datetime) -> tuple[Activity, ...]:
        """What was booked there on the day of ``since`` or later, oldest first."""


def activities_of(broker: Broker, since: datetime) -> tuple[Activity, ...]:
    """What the venue names; nothing at one that names nothing."""
    return broker.activities(since) if isinstance(broker, TellsActivities) else ()


#: What a venue says of some days: when its session begins and ends, None for a day without one.
VenueDays = Mapping[date, tuple[datetime, datetime] | None]


@runtime_checkable
class KeepsCalendar(Protocol):
    """A broker whose venue tells its coming sessions."""

    def sessions(self, first: date, last: date) -> VenueDays:
        """The days from ``first`` to ``last`` of which the venue says anything; it may know fewer."""
