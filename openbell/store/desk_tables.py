"""Tables of reconciliation and snapshots: looks at the broker, what breaks are about, adjustments. All are logs."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Column, Index, Text
from sqlmodel import Field

from openbell.store.columns import Instant, Money, Row, Sequence, table_of


class LookRow(Row, table=True):
    """One comparison of an account with its broker.

    ``cash`` is that of the books, counted up to ``fill``, ``bust`` and ``adjustment`` (their numbers). ``seen`` is a
    JSON list of the differences, ``newest`` the newest break by then.
    """

    __tablename__ = "looks"
    __table_args__ = (Index(None, "account", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    account: str
    time: datetime = Field(sa_type=Instant)
    result: str
    detail: str = Field(sa_type=Text)
    cash: Decimal | None = Field(default=None, sa_type=Money)
    fill: int = Field(sa_column=Column(Sequence, nullable=False))
    bust: int = Field(sa_column=Column(Sequence, nullable=False))
    adjustment: int = Field(sa_column=Column(Sequence, nullable=False))
    newest: int = Field(sa_column=Column(Sequence, nullable=False))
    seen: str = Field(sa_type=Text)
    previous_hash: str
    hash: str


class BreakFactRow(Row, table=True):
    """What a break is about: the symbol, and what would bring the books to the broker's word."""

    __tablename__ = "break_facts"
    __table_args__ = (Index(None, "of_break", unique=True),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    of_break: int = Field(sa_column=Column(Sequence, nullable=False))
    symbol: str
    quantity: Decimal | None = Field(default=None, sa_type=Money)
    price: Decimal | None = Field(default=None, sa_type=Money)
    cash: Decimal | None = Field(default=None, sa_type=Money)
    previous_hash: str
    hash: str


class AdjustmentRow(Row, table=True):
    """What the books took over without an order of ours, and who said so.

    Without a ``strategy`` it moves the account's position by ``quantity`` (at ``price``; without one the cost stays)
    and the books' cash by ``cash``, of which ``flow`` is no profit or loss. With one it moves that strategy's part.
    """

    __tablename__ = "adjustments"
    __table_args__ = (Index(None, "account", "symbol", "number"), Index(None, "of_break", "number"))

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    of_break: int = Field(sa_column=Column(Sequence, nullable=False))
    account: str
    cause: str
    reference: str
    symbol: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal | None = Field(default=None, sa_type=Money)
    cash: Decimal = Field(sa_type=Money)
    flow: Decimal = Field(sa_type=Money)
    activity: str
    plan: str
    strategy: str
    actor: str
    reason: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class SnapshotRow(Row, table=True):
    """An account after one session. ``holdings`` is JSON: symbol, quantity, average price and mark of each position.

    ``number`` counts all accounts; ``previous`` is that of the account's session before, 0 for its first.
    """

    __tablename__ = "snapshots"
    __table_args__ = (Index(None, "account", "session", unique=True),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    account: str
    session: date
    run_id: str
    time: datetime = Field(sa_type=Instant)
    previous: int = Field(sa_column=Column(Sequence, nullable=False))
    adjustment: int = Field(sa_column=Column(Sequence, nullable=False))
    total: Decimal = Field(sa_type=Money)
    cash: Decimal = Field(sa_type=Money)
    value: Decimal = Field(sa_type=Money)
    daily: Decimal | None = Field(default=None, sa_type=Money)
    gain: Decimal = Field(sa_type=Money)
    realized: Decimal = Field(sa_type=Money)
    unrealized: Decimal = Field(sa_type=Money)
    fees: Decimal = Field(sa_type=Money)
    activity: Decimal = Field(sa_type=Money)
    flows: Decimal = Field(sa_type=Money)
    unexplained: Decimal = Field(sa_type=Money)
    broker_equity: Decimal | None = Field(default=None, sa_type=Money)
    difference: Decimal | None = Field(default=None, sa_type=Money)
    holdings: str = Field(sa_type=Text)
    previous_hash: str
    hash: str


LOOKS, BREAK_FACTS = table_of(LookRow), table_of(BreakFactRow)
ADJUSTMENTS, SNAPSHOTS = table_of(AdjustmentRow), table_of(SnapshotRow)
