"""Books and intents for tests of the gate: a calm account of 10,000 that every rule is content with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openbell.ports import Capabilities
from openbell.risk.book import Book
from openbell.values.instrument import Instrument
from openbell.values.orders import Order, OrderIntent, OrderState, OrderType, Purpose, Side

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
VENUE = Capabilities(True, True, True, frozenset(OrderType))
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")


def a_book(**changes) -> Book:
    """Cash 9,000 and 10 BBB at 100; nothing open, every quote a second old."""
    calm = Book(
        as_of=NOW,
        cash=Decimal(9000),
        equity=Decimal(10000),
        buying_power=Decimal(9000),
        positions={"BBB": Decimal(10)},
        prices=dict.fromkeys(SYMBOLS, Decimal(100)),
        price_ages=dict.fromkeys(SYMBOLS, timedelta(seconds=1)),
        open_orders=(),
        instruments={symbol: Instrument(symbol) for symbol in SYMBOLS},
        capabilities=VENUE,
        equity_at_open=Decimal(10000),
        peak_equity=Decimal(10000),
        orders_this_run=0,
        orders_today=0,
        recent=frozenset(),
        quote_limit=timedelta(seconds=10),
        currency="USD",
        spreads=dict.fromkeys(SYMBOLS, Decimal("0.001")),
    )
    if "totals" in changes or not changes:
        return replace(calm, **changes)
    fields = {name: getattr(calm, name) for name in Book.__dataclass_fields__ if name != "totals"}
    return Book(**{**fields, **changes})


def an_intent(quantity="5", symbol="AAA", side=Side.BUY, purpose=Purpose.ENTRY, **changes) -> OrderIntent:
    """A market order at 100 with full confidence."""
    given = {"id": f"{symbol}-{side}-{purpose}", "slot": "s", "leg": 0, "reference": Decimal(100), **changes}
    return OrderIntent(symbol=symbol, side=side, quantity=Decimal(quantity), purpose=purpose, **given)


def an_exit(quantity="10", symbol="BBB", side=Side.SELL, **changes) -> OrderIntent:
    """A market order that closes what the calm book holds."""
    return an_intent(quantity, symbol, side, Purpose.EXIT, **changes)


def an_order(symbol="AAA", side=Side.BUY, quantity="5", filled="0", **changes) -> Order:
    """An open market order."""
    given = {"type": OrderType.MARKET, "state": OrderState.ACKED, "updated": NOW, **changes}
    return Order(f"o-{symbol}-{side}", symbol, side, Decimal(quantity), filled=Decimal(filled), **given)
