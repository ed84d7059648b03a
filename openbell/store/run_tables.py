"""Tables of sealed records. All of them are insert-only."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Text
from sqlmodel import Field

from openbell.store.columns import Identifier, Instant, Money, Row, Sequence, table_of


class RunRow(Row, table=True):
    """A sealed record without its signals and verdicts; ``sequence`` rises without a gap, the hash chains.

    Rows of schema 0004 and before have no ``clock``.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "plan", "sequence"),
        Index(None, "outcome", "sequence"),
        Index(None, "plan", "outcome", "sequence"),
        Index(None, "plan", "job", "sequence"),
        Index(None, "slot", "sequence"),
    )

    sequence: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    id: str = Field(sa_column=Column(Identifier, nullable=False, unique=True))
    plan: str
    job: str
    slot: str
    planned: datetime = Field(sa_type=Instant)
    session: date
    outcome: str
    code: str
    message: str
    clock: datetime | None = Field(default=None, sa_type=Instant)
    as_of: datetime = Field(sa_type=Instant)
    finished: datetime = Field(sa_type=Instant)
    account: str
    equity: Decimal | None = Field(sa_type=Money)
    counters: str
    previous_hash: str
    hash: str
    body: str = Field(sa_type=Text)


class SignalRow(Row, table=True):
    """A signal of a run; a target of NULL is no opinion."""

    __tablename__ = "signals"

    run: int = Field(sa_column=Column(Sequence, ForeignKey("runs.sequence"), primary_key=True, autoincrement=False))
    position: int = Field(primary_key=True)
    strategy: str
    symbol: str
    stance: str
    target: float | None
    confidence: float
    reason: str


class VerdictRow(Row, table=True):
    """A verdict of a run; ``rulings`` is compact JSON, see ``texts``."""

    __tablename__ = "verdicts"

    run: int = Field(sa_column=Column(Sequence, ForeignKey("runs.sequence"), primary_key=True, autoincrement=False))
    position: int = Field(primary_key=True)
    intent_id: str = Field(index=True)
    symbol: str
    decision: str
    rule: str
    measured: str
    limit: str
    asked: Decimal = Field(sa_type=Money)
    quantity: Decimal = Field(sa_type=Money)
    rulings: str = Field(sa_type=Text)


class FrameRow(Row, table=True):
    """A panel of bars under its own digest, so that runs on the same data share it."""

    __tablename__ = "frames"

    digest: str = Field(primary_key=True)
    header: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)


class EquityRow(Row, table=True):
    """Equity of an account when a run was sealed; ``peak`` is the highest up to its session."""

    __tablename__ = "equity_points"
    __table_args__ = (Index(None, "account", "session", "time", "run"),)

    run: int = Field(sa_column=Column(Sequence, ForeignKey("runs.sequence"), primary_key=True, autoincrement=False))
    account: str
    time: datetime = Field(sa_type=Instant)
    session: date
    cash: Decimal = Field(sa_type=Money)
    equity: Decimal = Field(sa_type=Money)
    peak: Decimal = Field(sa_type=Money)


class StrategyLookRow(Row, table=True):
    """A strategy that looked in a run, where its plan goes by when it last did."""

    __tablename__ = "strategy_looks"
    __table_args__ = (Index(None, "plan", "strategy", "planned"),)

    run: int = Field(sa_column=Column(Sequence, ForeignKey("runs.sequence"), primary_key=True, autoincrement=False))
    strategy: str = Field(primary_key=True)
    plan: str
    planned: datetime = Field(sa_type=Instant)


RUNS, SIGNALS, VERDICTS = table_of(RunRow), table_of(SignalRow), table_of(VerdictRow)
FRAMES, EQUITY_POINTS, STRATEGY_LOOKS = table_of(FrameRow), table_of(EquityRow), table_of(StrategyLookRow)
