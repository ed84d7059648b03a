"""The gate's book has the very prices that a market tells one by one."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from openbell.ports import Capabilities
from openbell.stages.judge import book_of
from openbell.stages.resolve import resolve
from openbell.values.account import Account, Position
from openbell.values.bars import FIELDS, Timeframe, make_bars
from openbell.values.market import Checked, Market
from openbell.values.plan import Plan
from openbell.values.quote import Quote

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


def market(rows: int) -> Market:
    """AAA has a quote and a close, BBB a close only, CCC a quote only, DDD no bar left, EEE nothing but a holding."""
    close = np.array([[10.0, 20.1, np.nan], [10.5, 20.3, np.nan]])[2 - rows :]
    times = np.array(["2026-02-26T21", "2026-02-27T21"], "datetime64[ns]")[2 - rows :]
    bars = make_bars(("AAA", "BBB", "DDD"), times, {name: close.copy() for name in FIELDS}, Timeframe("1d"), "made")
    quotes = {s: Quote(s, Decimal(11), Decimal("11.03"), Decimal(11), NOW) for s in ("AAA", "CCC")}
    held = {"EEE": Position("EEE", Decimal(3), Decimal(5))}
    account = Account("a", "paper", "USD", Decimal(1000), held, Decimal(1000))
    return Market(NOW, Checked(bars), quotes, account, (), {})


def test_the_book_has_every_price_that_the_market_knows():
    desk = resolve(Plan(name="made", universe=("AAA",), strategies=({"use": "buy_and_hold"},)))
    for rows in (0, 2):
        seen = market(rows)
        book = book_of(desk, seen, Capabilities(True, True, True, frozenset()))
        symbols = ("AAA", "BBB", "CCC", "DDD", "EEE")
        assert {s: book.prices.get(s) for s in symbols} == {s: seen.price(s) for s in symbols}
