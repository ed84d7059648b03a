"""Tables of slots and orders. What happened is insert-only; where things stand is a projection of it."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field

from openbell.store.columns import Instant, Money, Row, Sequence, table_of


class SlotRow(Row, table=True):
    """A claimed slot: who works on it until when, whether its plan is frozen, and how it ended."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("plan", "job", "planned"),
        Index(None, "plan", "session"),
        Index(None, "outcome", "lease_until"),
    )

    key: str = Field(primary_key=True)
    plan: str
    job: str
    planned: datetime = Field(sa_type=Instant)
    session: date
    run_id: str
    fencing: int
    lease_until: datetime = Field(sa_type=Instant)
    account: str = ""
    frozen_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
    code: str = ""


class IntentRow(Row, table=True):
    """One order of a slot's frozen plan with the verdict on it, and the place of each among its kind. Insert-only.

    What was denied stands here in rows of schema 0006 and before, else in ``denials``.
    """

    __tablename__ = "intents"
    __table_args__ = (UniqueConstraint("slot", "symbol", "leg"), UniqueConstraint("slot", "position"))

    client_id: str = Field(primary_key=True)
    slot: str = Field(foreign_key="slots.key")
    position: int
    judged: int
    symbol: str
    leg: int
    account: str
    body: str = Field(sa_type=Text)
    verdict: str = Field(sa_type=Text)


class OrderEventRow(Row, table=True):
    """One step of an order; ``sequence`` rises without a gap, the hash chains and covers the fills. Insert-only.

    ``time`` is when it happened by the run's clock, ``written`` by the database's. ``fencing`` is the number of
    the claim it was written under, where one was asked for. ``quantity`` is what the order was lowered to for good
    when it was marked SENDING.
    """

    __tablename__ = "order_events"
    __table_args__ = (Index(None, "client_id", "sequence"),)

    sequence: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    client_id: str = Field(foreign_key="intents.client_id")
    state: str
    time: datetime = Field(sa_type=Instant)
    written: datetime = Field(sa_type=Instant)
    detail: str
    broker_id: str
    fencing: int | None
    previous_hash: str
    hash: str
    quantity: Decimal | None = Field(default=None, sa_type=Money)


class FillRow(Row, table=True):
    """One execution, applied once. Insert-only."""

    __tablename__ = "fills"
    __table_args__ = (
        UniqueConstraint("account", "id"),
        Index(None, "account", "sequence"),
        Index(None, "account", "symbol", "time"),
    )

    sequence: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    event: int = Field(sa_column=Column(Sequence, ForeignKey("order_events.sequence"), nullable=False))
    account: str
    id: str
    client_id: str = Field(foreign_key="intents.client_id", index=True)
    symbol: str
    side: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal = Field(sa_type=Money)
    fee: Decimal = Field(sa_type=Money)
    time: datetime = Field(sa_type=Instant)


class OrderRow(Row, table=True):
    """Where an order stands. ``cost`` is the exact sum of quantity x price of its fills."""

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "plan", "number"),
        Index(None, "plan", "account", "sent"),
        Index(None, "working", "number"),
        Index(None, "state", "number"),
    )

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    client_id: str = Field(foreign_key="intents.client_id", unique=True)
    run_id: str
    plan: str
    slot: str = Field(foreign_key="slots.key", index=True)
    account: str
    symbol: str
    side: str
    quantity: Decimal = Field(sa_type=Money)
    purpose: str
    state: str
    working: bool
    filled: Decimal = Field(sa_type=Money)
    cost: Decimal = Field(sa_type=Money)
    broker_id: str
    detail: str
    sent: datetime | None = Field(default=None, sa_type=Instant)
    updated: datetime = Field(sa_type=Instant)


class PositionRow(Row, table=True):
    """Holding of an account by the fills recorded here, with the last known mark."""

    __tablename__ = "positions"

    account: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    quantity: Decimal = Field(sa_type=Money)
    average_price: Decimal = Field(sa_type=Money)
    realized: Decimal = Field(sa_type=Money)
    mark: Decimal | None = Field(default=None, sa_type=Money)


class BookRow(Row, table=True):
    """A strategy's part of a position."""

    __tablename__ = "strategy_books"

    account: str = Field(primary_key=True)
    plan: str = Field(primary_key=True)
    strategy: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    quantity: Decimal = Field(sa_type=Money)


class BustRow(Row, table=True):
    """A fill that the broker took back. Insert-only; the fill itself stays."""

    __tablename__ = "busts"
    __table_args__ = (UniqueConstraint("account", "fill"),)

    sequence: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    event: int = Field(sa_column=Column(Sequence, ForeignKey("order_events.sequence"), nullable=False))
    account: str
    fill: str
    client_id: str = Field(foreign_key="intents.client_id", index=True)


class DenialRow(Row, table=True):
    """What the gate denied of a slot's frozen plan, as JSON: intents, and verdicts with the places of both. A log.

    Denied orders are numbered together with the others: from ``after`` on, up to ``last``.
    """

    __tablename__ = "denials"
    __table_args__ = (Index(None, "plan", "number"), Index(None, "account", "orders"))

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    slot: str = Field(foreign_key="slots.key", unique=True, index=True)
    run_id: str
    plan: str
    account: str
    time: datetime = Field(sa_type=Instant)
    after: int = Field(sa_column=Column(Sequence, nullable=False))
    last: int = Field(sa_column=Column(Sequence, nullable=False))
    orders: int
    intents: str = Field(sa_type=Text)
    verdicts: str = Field(sa_type=Text)
    previous_hash: str
    hash: str


SLOTS, INTENTS, ORDER_EVENTS = table_of(SlotRow), table_of(IntentRow), table_of(OrderEventRow)
FILLS, ORDERS, POSITIONS, BOOKS = table_of(FillRow), table_of(OrderRow), table_of(PositionRow), table_of(BookRow)
BUSTS, DENIALS = table_of(BustRow), table_of(DenialRow)
