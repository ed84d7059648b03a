"""Fees and other money that Alpaca moves without an order, from its list of activities."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from openbell.errors import BrokerError
from openbell.values.breaks import NonTrade
from tests.contracts.alpaca_venue import opened

SINCE = datetime(2026, 11, 20, 15, tzinfo=UTC)
FEE = {"id": "20261120000000000::a", "activity_type": "FEE", "date": "2026-11-20", "net_amount": "-0.02",
       "description": "TAF fee for proceed of 10 shares", "status": "executed"}  # fmt: skip
COIN = {"id": "20261120000000000::b", "activity_type": "CFEE", "date": "2026-11-20", "net_amount": "0",
        "description": "Coin Pair Transaction Fee (Non USD)", "symbol": "BTCUSD", "qty": "-0.000125",
        "price": "90000", "status": "executed"}  # fmt: skip


@pytest.fixture
def told(double):
    broker = opened(double.url)

    def told(*rows):
        body = json.dumps(list(rows))
        double.script({"verb": "GET", "path": "/v2/account/activities", "times": 0, "status": 200, "body": body})
        return broker.activities(SINCE)

    return told


def test_G47_fees_are_told_in_cash_or_in_the_coin(told, double):
    cash, coin = told(FEE, COIN, COIN | {"id": "c", "net_amount": "-0.31", "qty": None, "symbol": "USD"})[:2]
    assert (cash.kind, cash.cash, cash.quantity) == (NonTrade.FEE, Decimal("-0.02"), 0)
    assert (coin.symbol, coin.cash, coin.quantity) == ("BTC/USD", 0, Decimal("-0.000125"))
    assert (cash.time.date().isoformat(), "TAF" in cash.detail) == ("2026-11-20", True)
    (asked,) = [line for line in double.ledger("request") if line["path"] == "/v2/account/activities"]
    assert {"FEE", "CFEE"} <= set(asked["query"]["activity_types"].split(","))
    assert asked["query"]["after"] == "2026-11-19T23:59:59Z", "the rows of a day are stamped with its midnight"


def test_G45_what_is_not_done_or_of_a_type_that_nobody_knows_is_left_to_a_person(told):
    strange = [FEE | {"status": "pending"}, FEE | {"activity_type": "JNLC"}, FEE | {"net_amount": "0"}]
    assert told(*strange, FEE | {"id": "d", "activity_type": "CSD", "net_amount": "5000"})[0].kind is NonTrade.DEPOSIT


@pytest.mark.parametrize("row", [FEE | {"net_amount": "much"}, FEE | {"date": "soon"}, FEE | {"id": None}])
def test_G45_an_activity_that_cannot_be_read_is_an_error(told, row):
    with pytest.raises(BrokerError):
        told(row)
