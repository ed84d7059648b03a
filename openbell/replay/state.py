"""What a replay knows between two instants: the paper account, the books of the strategies, what was counted."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from openbell.replay.result import Decided
from openbell.replay.tape import Floats, Tape
from openbell.values.account import Account
from openbell.values.bars import FloatPanel
from openbell.values.money import ZERO
from openbell.values.orders import Order, OrderIntent


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that went out: when, in which session, and what."""

    time: datetime
    session: int
    symbol: str
    side: str


class Executions:
    """Fills in columns, oldest first; ``times`` in nanoseconds since 1970, money in floats that read as exact."""

    __slots__ = ("column", "exits", "fee", "price", "signed", "times")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.column: list[int] = []
        self.signed: list[float] = []
        self.price: list[float] = []
        self.fee: list[float] = []
        self.exits: list[bool] = []

    def __len__(self) -> int:
        return len(self.times)


class Record:
    """The curve so far: one entry for each session, the first ``done`` of them written; the others hold nothing."""

    __slots__ = ("cash", "done", "equity", "gross", "holdings", "marks", "net", "turnover")

    def __init__(self, sessions: int, symbols: int) -> None:
        self.done = 0
        self.cash, self.equity, self.gross, self.net = (np.zeros(sessions) for _ in range(4))
        self.turnover = np.zeros(sessions)
        self.holdings: NDArray[np.int64] = np.zeros(sessions, np.int64)
        self.marks: FloatPanel = np.empty((sessions, symbols))


class State:
    """The paper account and all that the decisions of the next slot may depend on.

    Exact: ``account`` (cash and positions), ``books`` (what each strategy holds by its own fills, by label and
    symbol), ``orders`` (those that work, by id), ``intents`` behind them, ``notes`` of the paper account and ``ids``
    that it has taken. In floats, kept alike: ``held`` (N,) and ``booked`` (P, N).

    ``slot`` and ``look`` are the next slot and the next look of the exits job. ``opened`` is when each position was,
    ``high`` and ``low`` (N,) the prices that the exits job has seen since, ``first`` the average when it first looked.
    ``sent`` has time, session, symbol and side of the orders of today;
    ``before`` is the last equity of an earlier session than that of ``latest``, in the first session its first;
    ``latest`` is the last with its session, ``peak`` the highest.
    ``latched`` is when each limit was first reached that holds a live plan back until a person has looked;
    ``spent`` is what was bought and sold in the session that is running.
    """

    __slots__ = (
        "account",
        "before",
        "booked",
        "books",
        "clipped",
        "decided",
        "decisions",
        "denials",
        "fills",
        "first",
        "held",
        "high",
        "ids",
        "intents",
        "latched",
        "latest",
        "look",
        "looks",
        "low",
        "notes",
        "opened",
        "orders",
        "peak",
        "record",
        "refused",
        "sent",
        "skips",
        "slot",
        "spent",
    )

    def __init__(self, tape: Tape, account: Account) -> None:
        seats, width = tape.target.shape[0], len(tape.symbols)
        self.account = account
        self.held: Floats = np.zeros(width)
        self.booked: FloatPanel = np.zeros((seats, width))
        self.books: dict[tuple[str, str], Decimal] = {}
        self.orders: dict[str, Order] = {}
        self.intents: dict[str, OrderIntent] = {}
        self.notes: dict[str, str] = {}
        self.ids: set[str] = set()
        self.sent: deque[Sent] = deque()
        self.looks: dict[str, datetime] = {}
        self.opened: dict[str, datetime] = {}
        self.first: dict[str, Decimal] = {}
        self.high: Floats = np.full(width, np.nan)
        self.low: Floats = np.full(width, np.nan)
        self.before: Decimal | None = None
        self.latest: tuple[int, Decimal] | None = None
        self.peak: Decimal | None = None
        self.slot = self.look = 0
        self.spent = 0.0
        self.decided = 0
        self.denials: Counter[str] = Counter()
        self.clipped: Counter[str] = Counter()
        self.skips: Counter[str] = Counter(tape.skips)
        self.refused: Counter[str] = Counter()
        self.latched: dict[str, datetime] = {}
        self.fills = Executions()
        self.record = Record(len(tape.sessions), width)
        self.decisions: list[Decided] = []

    @property
    def cash(self) -> Decimal:
        """Exact."""
        return self.account.cash

    def valued(self, session: int, equity: Decimal) -> None:
        """A run of a session has ended with this equity: what later losses are measured from."""
        if self.latest is None:
            self.before = equity
        elif self.latest[0] < session:
            self.before = self.latest[1]
        self.latest = (session, equity)
        self.peak = equity if self.peak is None else max(self.peak, equity)

    def reference(self, session: int) -> tuple[Decimal | None, Decimal | None]:
        """(equity at the open, highest so far), as ``Journal.reference_equity`` has them."""
        if self.latest is not None and self.latest[0] < session:
            return self.latest[1], self.peak
        return self.before, self.peak

    def close(self, tape: Tape, stop: int) -> None:
        """Write the curve at the end of the sessions before ``stop`` that are not written yet.

        A symbol without any price is worth nothing yet.
        """
        record, part = self.record, slice(self.record.done, stop)
        if part.start >= stop:
            return
        marks = tape.marks(part)
        value = np.where(self.held == 0, 0.0, self.held * np.nan_to_num(marks))
        record.marks[part] = marks
        record.cash[part] = float(self.cash)
        record.net[part] = value.sum(axis=1)
        record.equity[part] = record.cash[part] + record.net[part]
        record.gross[part] = np.abs(value).sum(axis=1)
        record.holdings[part] = np.count_nonzero(self.held)
        record.turnover[part.start] = self.spent
        record.done, self.spent = stop, 0.0

    def book(self, label: str, symbol: str) -> Decimal:
        """What a strategy holds by its own fills."""
        return self.books.get((label, symbol), ZERO)
