"""What stands between an intent and the wire: exposure, the last gate, and what the store knows of an order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from openbell.values.orders import Order, OrderIntent, OrderState
from openbell.values.slot import Slot
from openbell.values.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Exposure:
    """An account as the store knows it inside the transaction that may mark an order SENDING.

    ``positions`` are signed quantities by the fills of all plans; ``working`` every order of the account, of
    whatever plan, that the broker has or may have (SENDING and UNKNOWN included): together with positions they
    are the reservation against every limit. ``orders_today`` counts those of the plan,
    ``orders_last_minute`` those of them that were sent in the last 60 seconds, ``breaks`` says why entries wait, by
    symbol.
    """

    positions: Mapping[str, Decimal]
    working: tuple[Order, ...]
    orders_today: int
    breaks: Mapping[str, str] = field(default_factory=dict)
    orders_last_minute: int = 0


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Why an order must not be sent now; nothing was written. ``latches`` names a breaker that it opens for good."""

    code: str
    detail: str
    latches: str = ""


@dataclass(frozen=True, slots=True)
class Reduced:
    """An order may go with less than was judged: ``quantity`` is above zero and below that, ``detail`` says why."""

    quantity: Decimal
    detail: str


#: The last gate: judges one intent against the exposure read in the same transaction; None lets it pass whole.
LastGate = Callable[[Exposure], Forbidden | Reduced | None]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An order of a frozen plan that is not terminal.

    ``sent`` is when it was first marked SENDING, ``updated`` when it came to stand where it does.
    """

    intent: OrderIntent
    plan: str
    account: str
    slot: Slot
    state: OrderState
    quantity: Decimal
    filled: Decimal
    sent: datetime | None
    updated: datetime
    fencing: int
    slot_open: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """One complete question to the broker about an order whose outcome is unknown, and its answer."""

    client_id: str
    time: datetime
    found: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One step of an order, appended and never changed; ``quantity`` where a SENDING mark lowers it for good."""

    client_id: str
    state: OrderState
    time: datetime
    detail: str = ""
    broker_id: str = ""
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """The first committed plan of a slot: what a restart executes, whatever it would decide now.

    ``reduced`` has the quantity of each order that the last gate let go with less than its verdict.
    """

    intents: tuple[OrderIntent, ...]
    verdicts: tuple[Verdict, ...]
    states: Mapping[str, OrderState]
    reduced: Mapping[str, Decimal] = field(default_factory=dict)
