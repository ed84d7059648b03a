"""A decision trace: what each stage said about the run and about each symbol, as values."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from openbell.values.orders import Fill, Order, OrderIntent
from openbell.values.quote import Quote
from openbell.values.record import Guard, Outcome
from openbell.values.signal import Stance
from openbell.values.verdict import Unplaced, Verdict


class Seen(StrEnum):
    """What the run knew of a symbol's bars."""

    IN_PANEL = "in the panel"
    DROPPED = "left out"
    NOT_FETCHED = "not fetched"
    NOT_ASKED = "not asked for"


class Said(StrEnum):
    """What a strategy that looks at a symbol said of it."""

    SIGNAL = "signal"
    WARMUP = "too little history"
    FAILED = "failed"
    NO_DATA = "no data"
    NOT_ASKED = "not asked"
    NOTHING = "no opinion"


@dataclass(frozen=True, slots=True)
class DataStep:
    """The data behind a decision; ages are in seconds at ``as_of``, ``last_bar`` is that of the whole panel."""

    seen: Seen
    code: str = ""
    detail: str = ""
    provider: str = ""
    timeframe: str = ""
    last_bar: datetime | None = None
    bar_age: float | None = None
    quote: Quote | None = None
    quote_age: float | None = None


@dataclass(frozen=True, slots=True)
class SignalStep:
    """One strategy on one symbol; stance, target and confidence are None where it gave no signal."""

    strategy: str
    said: Said
    stance: Stance | None
    target: float | None
    confidence: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One wanted order on its way: sized, judged, sent, filled; None where it did not get."""

    id: str
    intent: OrderIntent | None
    verdict: Verdict | None
    order: Order | None
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class SymbolTrace:
    """Every stage's word on one symbol, and the answer in one or two sentences."""

    symbol: str
    data: DataStep
    signals: tuple[SignalStep, ...]
    unplaced: tuple[Unplaced, ...]
    legs: tuple[Leg, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Why a run traded or did not: the guards in order, then each symbol that was asked about.

    ``prices`` says in words where the run's prices came from; empty when it asked for none.
    """

    run: str
    plan: str
    job: str
    slot: str
    session: date
    as_of: datetime
    outcome: Outcome
    code: str
    dry_run: bool
    prices: str
    guards: tuple[Guard, ...]
    symbols: tuple[SymbolTrace, ...]
    because: str
