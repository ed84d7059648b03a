"""The IBKR adapter on the gateway double over a real socket, with the levers of the contract suite."""

from openbell.brokers.ibkr import IBKR, IBKRBroker
from openbell.brokers.ibkr.ids import OrderIds
from openbell.values.orders import Order
from tests.twsdouble.process import TwsDouble

#: Short waits: the double answers within milliseconds, and what it swallows never comes.
QUICK = {"connect_timeout": 1.0, "request_timeout": 1.0, "ack_timeout": 1.0, "id_patience": 0.0}


def opened(double: TwsDouble, ids: OrderIds | None = None, **terms) -> IBKRBroker:
    """A broker on the double; without ``ids`` it keeps none."""
    return IBKRBroker(IBKR(**({"port": double.port} | QUICK | terms)), ids)


class IBKRVenue:
    """One account on the double, made new for each test."""

    account_id = "DU1234567"
    environment = "paper"

    def __init__(self, double: TwsDouble, terms: dict | None = None, **settings) -> None:
        self.double = double
        double.reset()
        double.set(**settings)
        self.broker = opened(double, **(terms or {}))

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A new quote, one second later."""
        self.double.advance(1)
        self.double.quote(symbol, bid, ask)

    def fill_share(self, share: str) -> IBKRBroker:
        """From now on one quote fills at most this part of an order."""
        self.double.set(share=share)
        return self.broker

    def shut(self) -> None:
        """Close the venue."""
        self.double.set(is_open=False)

    def reopen(self) -> None:
        """Open the venue."""
        self.double.set(is_open=True)

    def settle(self, client_id: str) -> Order:
        """The order now; the double does at once what is due."""
        found = self.broker.order(client_id)
        assert found is not None
        return found
