"""The Alpaca adapter on the fault broker over a real socket, with the levers of the contract suite."""

import time
from pathlib import Path

from pydantic import SecretStr

from openbell.brokers.alpaca import Alpaca, AlpacaBroker
from openbell.specs import Surroundings
from openbell.values.orders import Order
from tests.faultbroker.process import FaultBroker

#: Looked for in every output; the words around it keep it from being a placeholder.
CANARY_ID, CANARY_SECRET = "PKCANARY7Q2W", "canary+secret/9f8e7d6c5b4a"


def opened(url: str, **terms) -> AlpacaBroker:
    """A broker on the fault broker at that address."""
    spec = Alpaca(url=url, **terms).with_keys(SecretStr(CANARY_ID), SecretStr(CANARY_SECRET))
    broker = spec.open("desk", Surroundings(Path("data"), "XNYS", lambda: None), None, None)
    assert isinstance(broker, AlpacaBroker)
    return broker


class AlpacaVenue:
    """One fault broker, made new for each test."""

    account_id = "PA3TESTDESK1"
    environment = "paper"

    def __init__(self, double: FaultBroker, **settings) -> None:
        self.double = double
        double.reset()
        double.set(**settings)
        self.broker = opened(double.url)

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A new quote, one second later."""
        self.double.advance(1)
        self.double.quote(symbol, bid, ask)

    def fill_share(self, share: str) -> AlpacaBroker:
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


def until(condition, seconds: float = 3.0) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
