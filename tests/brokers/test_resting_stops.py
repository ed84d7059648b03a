"""Protective stops at both venues, over their own protocols: they rest, they fill, they make way."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from openbell import store
from openbell.brokers.alpaca import Alpaca
from openbell.brokers.ibkr import IBKR, IBKRBroker
from openbell.desk import Desk
from openbell.jobs import sweeps, trading
from openbell.jobs.following import orders
from openbell.jobs.reconciling import positions
from openbell.settings import load_settings
from openbell.specs import BrokerSpec
from openbell.stages.resolve import resolve
from openbell.values.orders import OrderState
from tests.faultbroker.process import FaultBroker
from tests.faults.scene import TapeFeed, plan
from tests.orders.brackets import brackets
from tests.orders.venues import broken
from tests.twsdouble.process import TwsDouble

D = Decimal
SYMBOLS = ("AAPL", "IBM")
PLAN = {
    "universe": SYMBOLS,
    "exits": {"stop_loss": {"resting": "always"}},
    "sizing": {"use": "fixed_quantity", "params": {"quantity": 8}},
}


@dataclass
class Venue:
    """A double with what differs between the two; ``resting`` has (symbol, what is left, stop) of each open stop."""

    broker: str
    spec: BrokerSpec
    quote: Callable[[str, str, str], None]
    resting: Callable[[], list[tuple[str, Decimal, Decimal]]]
    talk: Callable[[], list[str]]


def alpaca(double: FaultBroker) -> Venue:
    double.reset()

    def resting() -> list[tuple[str, Decimal, Decimal]]:
        open_ = [o for o in double.orders() if o["type"] == "stop" and o["status"] in ("new", "accepted", "held")]
        return sorted((o["symbol"], D(o["qty"]) - D(o["filled_qty"]), D(o["stop_price"])) for o in open_)

    def talk() -> list[str]:
        words = {"DELETE": "cancel", "POST": "place"}
        lines = double.ledger("request")
        return [words[each["method"]] for each in lines if each["method"] in words and "/orders" in each["path"]]

    spec = Alpaca(url=double.url).with_keys(SecretStr("PK" + "T" * 18), SecretStr("s" * 40))
    return Venue("alpaca", spec, double.quote, resting, talk)


def gateway(double: TwsDouble) -> Venue:
    double.reset()

    def resting() -> list[tuple[str, Decimal, Decimal]]:
        open_ = [o for o in double.orders() if o["type"] == "STP" and o["status"] in ("PreSubmitted", "Submitted")]
        return sorted((o["symbol"], D(o["quantity"]) - D(o["filled"]), D(o["aux"])) for o in open_)

    def talk() -> list[str]:
        words = {"cancelOrder": "cancel", "placeOrder": "place"}
        return [words[name] for name in double.requests() if name in words]

    spec = IBKR(port=double.port, connect_timeout=5, request_timeout=5, ack_timeout=3, id_patience=2)
    return Venue("ibkr", spec, double.quote, resting, talk)


@pytest.fixture(scope="module", params=["alpaca", "ibkr"])
def process(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    ledger = tmp_path_factory.mktemp("venue") / "ledger.jsonl"
    with FaultBroker(ledger) if request.param == "alpaca" else TwsDouble(ledger) as double:
        yield double


@pytest.fixture
def venue(process: Any) -> Venue:
    found = alpaca(process) if isinstance(process, FaultBroker) else gateway(process)
    for symbol in SYMBOLS:
        found.quote(symbol, "100.00", "100.01")
    return found


@pytest.fixture
def open_desk(venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """The desk some half minutes later, with the feed's price moved by ``drift``."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    store.ensure(load_settings().url)
    later, opened = itertools.count(), []

    def made(drift: int = 0) -> Desk:
        hang_up(opened)
        shift = next(later) * timedelta(seconds=30)
        account = {"broker": venue.broker, "name": "rest"}
        desk = Desk(resolve(plan(**PLAN, account=account)), load_settings(), None, TapeFeed(drift=D(drift)), venue.spec)
        desk.now = desk.clock = lambda: datetime.now(UTC) + shift
        desk.quiet = timedelta(milliseconds=50)
        opened.append(desk)
        return desk

    yield made
    hang_up(opened)
    store.close(load_settings().url)


def hang_up(opened: list[Desk]) -> None:
    """A gateway takes a client id once: a process ends before the next one begins."""
    while opened:
        broker = opened.pop().broker()
        if isinstance(broker, IBKRBroker):
            broker.close()


@pytest.fixture
def stopped(open_desk: Callable[..., Desk]) -> Callable[..., Desk]:
    """Two positions of eight with a stop each."""
    desk = open_desk()
    trading.trade(desk, "entry")
    desk.recovery("filled", passes=2).recover()  # a venue may say first that an order works
    assert {row.state for row in desk.history.orders()} == {OrderState.FILLED}
    assert sweeps.exits(open_desk(), "exits-1").counters["stops"] == len(SYMBOLS)
    return open_desk


def test_I20_stops_rest_at_the_venue_and_are_left_alone(stopped, venue):
    (first, second) = venue.resting()
    assert (first[:2], second[:2]) == (("AAPL", D(8)), ("IBM", D(8)))
    assert all(abs(stop - D("90.01")) <= D("0.2") for _, _, stop in venue.resting())
    assert sweeps.exits(stopped(), "exits-2").counters["stops"] == 0
    assert venue.talk() == ["place"] * 4


def test_I20_B37_a_stop_that_the_venue_fills_is_booked_and_nothing_more_is_sold(stopped, venue):
    venue.quote("AAPL", "89.00", "89.01")
    desk = stopped()
    desk.recovery("recover", passes=2).recover()
    assert [stop[0] for stop in venue.resting()] == ["IBM"]
    assert desk.broker().account().quantity("AAPL") == 0
    assert sweeps.exits(stopped(), "exits-2").counters["sent"] == 0
    states = [row.state for row in desk.history.orders(limit=10) if row.symbol == "AAPL"]
    assert states == [OrderState.FILLED] * 2
    assert desk.history.breaks() == ()


def test_B37_an_exit_cancels_the_stop_first_and_one_of_the_two_fills(stopped, venue):
    for symbol in SYMBOLS:
        venue.quote(symbol, "125.00", "125.01")
    desk = stopped(drift=25)
    assert sweeps.exits(desk, "exits-2").counters["sent"] == len(SYMBOLS)
    desk.recovery("filled", passes=2).recover()
    assert venue.talk()[4:] == ["cancel", "cancel", "place", "place"]
    assert (venue.resting(), desk.broker().account().positions) == ([], {})


def test_B37_legs_rest_at_the_venue_and_the_one_that_fills_is_booked(open_desk, venue):
    brackets(open_desk())
    look = sweeps.exits(open_desk(), "exits-1")
    assert look.counters["stops"] == 0
    assert len(venue.resting()) == len(SYMBOLS)
    venue.quote("AAPL", "94.90", "94.92")
    desk = open_desk()
    orders(desk, "look")
    rows = {(row.symbol, row.client_id[-2:]): row.state for row in desk.history.orders() if row.client_id[-3] == "-"}
    assert rows == {
        ("AAPL", "tp"): OrderState.CANCELED,
        ("AAPL", "sl"): OrderState.FILLED,
        ("IBM", "tp"): OrderState.ACKED,
        ("IBM", "sl"): OrderState.ACKED,
    }
    assert {held.symbol: held.quantity for held in desk.history.positions() if held.quantity} == {"IBM": 8}
    assert positions(desk, "compare").counters["breaks"] == 0
    assert broken(desk) == []
