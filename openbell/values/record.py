"""The sealed record of a run; artifacts, notifications, reports, API and CLI are views of it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from openbell.values import canonical
from openbell.values.market import Dropped, FeedFailure
from openbell.values.orders import Fill, Order, OrderIntent
from openbell.values.signal import Signal
from openbell.values.verdict import Unplaced, Verdict


class Outcome(StrEnum):
    """How a run ended; a MISSED one never began."""

    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    MISSED = "missed"


class Guard(BaseModel):
    """One precondition: whether it let the run pass, with a code and words when it did not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    passed: bool
    code: str = ""
    detail: str = ""


class Holding(BaseModel):
    """One position as it stood when the run was sealed; ``mark`` is None when the price is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    quantity: Decimal
    average_price: Decimal
    realized: Decimal
    mark: Decimal | None


class DataSeen(BaseModel):
    """The data behind the decisions: digest of the stored panel, where it came from, what was left out.

    ``providers`` names the source of each symbol that is not from ``provider``, ``failures`` the feeds that were asked
    in vain before another answered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    provider: str
    timeframe: str
    adjustment: str
    bars: int
    symbols: int
    last_bar: datetime | None
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    providers: dict[str, str] = Field(default_factory=dict)
    failures: tuple[FeedFailure, ...] = ()


class RunRecord(BaseModel):
    """Everything about one run: enough to answer why, and to run it again to the same signals, verdicts, ids.

    ``clock`` is the one reading of the clock, ``as_of`` the instant that the run decided for (they differ only
    when ``as_of`` was given). ``inputs`` holds what the decisions took besides the panel: account, quotes,
    instruments, open orders and activity, in canonical form. ``details`` is what a job other than trading found and
    did, in canonical form; such a job keeps of its plan the hash and the window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    plan: str
    job: str
    slot: str
    planned: datetime
    session: date
    outcome: Outcome
    code: str = ""
    message: str = ""
    clock: datetime
    as_of: datetime
    finished: datetime
    dry_run: bool = False
    account: str = ""
    environment: str = "paper"
    plan_hash: str = ""
    plan_body: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    data: DataSeen | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    intents: tuple[OrderIntent, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    holdings: tuple[Holding, ...] = ()
    cash: Decimal | None = None
    equity: Decimal | None = None
    counters: dict[str, int] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of the record's canonical form, in hex."""
        return canonical.digest(self)
