"""A paper account as a plan names it, on a real exchange's hours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import openbell.brokers
from openbell.brokers.paper.memory import MemoryLedger
from openbell.errors import PlanError
from openbell.plugins import build, find
from openbell.ports import Accepted
from openbell.specs import BrokerSpec, Surroundings
from openbell.values.orders import OrderState
from openbell.values.quote import Quote
from tests.contracts.venue import intent

#: The day after Thanksgiving: New York closes at 13:00, 18:00 UTC.
OPEN = datetime(2024, 11, 29, 15, 0, tzinfo=UTC)
AFTER = datetime(2024, 11, 29, 18, 0, tzinfo=UTC)
MONDAY = datetime(2024, 12, 2, 15, 0, tzinfo=UTC)


class Steady:
    """A feed with one price for everything."""

    provider = "steady"

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        return {symbol: Quote(symbol, Decimal(99), Decimal(101), Decimal(100), as_of) for symbol in symbols}


def opened(now: datetime, ledger: MemoryLedger, **params):
    spec = build(find(openbell.brokers, BrokerSpec, "paper", "broker"), params, "account.params")
    return spec.open("books", Surroundings(Path("data"), "XNYS", lambda: now), Steady(), ledger)


def test_a_plan_opens_the_paper_broker_by_name():
    broker = opened(OPEN, MemoryLedger(), cash="5000", leverage=2, fee={"bps": 1.5})
    assert (broker.account_id, broker.environment) == ("books", "paper")
    assert (broker.account().cash, broker.account().buying_power) == (5_000, 10_000)


def test_a_wrong_parameter_is_named_with_the_nearest_one():
    with pytest.raises(PlanError, match=r"account.params: unknown key 'slipage_bps'; did you mean 'slippage_bps'\?"):
        opened(OPEN, MemoryLedger(), slipage_bps=1)


def test_K02_a_half_day_closes_early_and_takes_its_day_orders_along():
    ledger = MemoryLedger()
    opened(OPEN, ledger).submit(intent("low", limit_price="95"))
    assert opened(OPEN, ledger).clock().is_open
    assert opened(OPEN, ledger).order("low").state is OrderState.ACKED
    late = opened(AFTER, ledger)
    assert not late.clock().is_open
    assert (late.order("low").state, late.order("low").updated) == (OrderState.EXPIRED, AFTER)


def test_G10_an_order_sent_on_friday_evening_fills_on_monday():
    ledger = MemoryLedger()
    assert isinstance(opened(AFTER, ledger).submit(intent("late")), Accepted)
    assert opened(AFTER, ledger).order("late").state is OrderState.ACKED
    assert opened(MONDAY, ledger).order("late").state is OrderState.FILLED
