"""A desk with a broker on a wire that can be cut: real store, real decisions, faults where a test wants them."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from openbell.brokers.paper.broker import PaperBroker
from openbell.brokers.paper.memory import MemoryLedger
from openbell.brokers.paper.settings import PaperSettings
from openbell.desk import Desk
from openbell.jobs import trading
from openbell.ports import BrokerClock, Capabilities, MarketFeed, PaperLedger, Rejected, Submission, Unknown
from openbell.settings import load_settings
from openbell.specs import BrokerSpec, FeedSpec, Surroundings
from openbell.stages.resolve import resolve
from openbell.values.bars import FIELDS, Timeframe, make_bars
from openbell.values.market import Checked
from openbell.values.orders import Fill, Order, OrderIntent
from openbell.values.plan import Plan
from openbell.values.quote import Quote

SYMBOLS = tuple(f"S{n}" for n in range(10))
QUIET = timedelta(milliseconds=60)
LEASE = timedelta(seconds=30)


class PowerCut(BaseException):
    """The process is gone: nothing of ours may catch this."""


class Tape:
    """Flat bars, and quotes that are always fresh."""

    provider = "tape"

    def __init__(self, price: str = "100") -> None:
        self.price = Decimal(price)
        self.stopped: datetime | None = None

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        last = np.datetime64(as_of.astimezone(UTC).date(), "ns")
        times = last - np.arange(count - 1, -1, -1) * np.timedelta64(1, "D").astype("timedelta64[ns]")
        panels = {name: np.full((count, len(symbols)), float(self.price)) for name in FIELDS}
        return Checked(make_bars(symbols, times, panels, timeframe, self.provider))

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        return {
            s: Quote(s, self.price, self.price + Decimal("0.01"), self.price, self.stopped or as_of) for s in symbols
        }


class Wire:
    """A paper account behind a wire. ``posts`` has (start, id) of every order that was put on it.

    ``faults`` maps the number of a post, from 1, to ``lost`` (never arrives), ``unanswered`` (arrives, no answer),
    ``refused``, ``cut before`` and ``cut after`` (the process dies). Prices and the account outlive any process.
    """

    environment = "paper"
    account_id = "book"

    def __init__(self, tape: Tape, unique: bool = True, **terms: Any) -> None:
        settings = PaperSettings.model_validate({"account": "book", "cash": 1_000_000, "slippage_bps": 0, **terms})
        self.tape = tape
        self.unique = unique
        self.posts: list[tuple[float, str]] = []
        self.accepted: list[str] = []
        self.faults: dict[int, str] = {}
        self.before_post: Callable[[int], None] = lambda number: None
        self.before_question: Callable[[], None] = lambda: None
        self.before_orders: Callable[[], None] = lambda: None
        self.hidden: set[str] = set()
        self.is_open = True
        self.paper = PaperBroker(
            settings,
            MemoryLedger(),
            tape.quotes,
            lambda: datetime.now(UTC),
            lambda _: self.is_open,
            lambda now: now + timedelta(days=1),
        )

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.paper.capabilities, unique_client_ids=self.unique)

    def clock(self) -> BrokerClock:
        return self.paper.clock()

    def account(self) -> Any:
        self.before_question()
        return self.paper.account()

    def open_orders(self) -> tuple[Order, ...]:
        self.before_orders()
        return tuple(order for order in self.paper.open_orders() if order.client_id not in self.hidden)

    def order(self, client_id: str) -> Order | None:
        return None if client_id in self.hidden else self.paper.order(client_id)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        return tuple(fill for fill in self.paper.fills(since) if fill.client_id not in self.hidden)

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Any]:
        return self.paper.instruments(symbols)

    def cancel(self, client_id: str) -> Submission:
        return self.paper.cancel(client_id)

    def submit(self, intent: OrderIntent) -> Submission:
        self.posts.append((time.monotonic(), intent.id))
        number = len(self.posts)
        self.before_post(number)
        fault = self.faults.get(number, "")
        if fault == "cut before":
            raise PowerCut
        if fault == "lost":
            return Unknown("no answer within 5 s")
        if fault == "refused":
            return Rejected("40310000", "insufficient buying power")
        answer = self.paper.submit(intent)
        self.accepted.append(intent.id)
        if fault == "cut after":
            raise PowerCut
        return Unknown("no answer within 5 s") if fault == "unanswered" else answer


def plan_of(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "name": "demo",
        "universe": SYMBOLS,
        "account": {"broker": "paper", "name": "book"},
        "window": {"exchange": "24/7", "grace": "24h"},
        "schedule": {"trade": {"every": "24h"}, "orders": {"every": "1h"}},
        "strategies": ({"use": "buy_and_hold"},),
        "sizing": {"use": "fixed_cash", "params": {"notional": 1000}},
        "risk": {"max_positions": 20, "max_orders_per_run": 20, "max_gross_exposure": 1},
    }
    return Plan.model_validate(values | changes)


def open_desk(home: Path, wire: Wire, **changes: Any) -> Desk:
    """A desk as another process would open it, at a short pace."""

    class TapeSpec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return wire.tape

    class WireSpec(BrokerSpec):
        def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Any:
            return wire

    desk = Desk(resolve(plan_of(**changes)), load_settings(), None, TapeSpec(), WireSpec())
    desk.quiet, desk.lease = QUIET, LEASE
    return desk


#: Hours of a day have slots of their own; tests that run a plan twice name them by ``hours_ago``.
HOURLY: dict[str, Any] = {"schedule": {"trade": {"every": "1h"}, "orders": {"every": "1h"}}}


def hours_ago(hours: int) -> datetime:
    """The planned instant of an hourly slot of the past, which no run of now takes by itself."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def cut(desk: Desk, name: str = "first") -> None:
    """A run that dies."""
    try:
        trading.trade(desk, name)
    except PowerCut:
        return
    raise AssertionError("the run was meant to die")


def outlive_lease(desk: Desk) -> None:
    """Let the leases of dead attempts run out at once."""
    path = desk.settings.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=5)) as kept, kept:
        kept.execute("UPDATE slots SET lease_until = 0 WHERE outcome IS NULL")


def states(desk: Desk) -> list[str]:
    """The states of all orders in the order in which they were sent."""
    return [order.state.value for order in reversed(desk.history.orders(limit=1000))]
