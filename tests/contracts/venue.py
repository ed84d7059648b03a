"""A venue under test, and orders for it."""

from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from openbell.ports import Broker
from openbell.values.orders import Order, OrderIntent, OrderType, Purpose, Side

SYMBOL = "AAPL"
UNKNOWN_SYMBOL = "ZZZZ"
SECOND = timedelta(seconds=1)


class Venue(Protocol):
    """The levers of a venue under test."""

    broker: Broker
    account_id: str
    environment: str

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A second later there is a new quote, and the last trade was at its bid."""

    def fill_share(self, share: str) -> Broker:
        """From now on one quote fills at most this part of an order; the broker to go on with."""

    def shut(self) -> None:
        """The venue closes; it opens again with ``reopen``."""

    def reopen(self) -> None:
        """The venue opens."""

    def settle(self, client_id: str) -> Order:
        """The order once the venue has nothing more to do with it at this quote."""


def intent(client_id: str, side: Side = Side.BUY, quantity: str = "10", **fields) -> OrderIntent:
    """An intent with what a test does not care about filled in."""
    fields = {name: Decimal(value) if name in _PRICES else value for name, value in fields.items()}
    if "limit_price" in fields and "type" not in fields:
        fields["type"] = OrderType.LIMIT
    known = {"slot": "slot", "leg": 0, "symbol": SYMBOL, "purpose": Purpose.ENTRY, "reference": Decimal(100)}
    return OrderIntent(id=client_id, side=side, quantity=Decimal(quantity), **(known | fields))


_PRICES = {"limit_price", "stop_price", "trail"}
