"""A paper venue with levers, for the contract suite and the tests of the paper broker."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from openbell.brokers.paper.broker import PaperBroker
from openbell.brokers.paper.memory import MemoryLedger
from openbell.brokers.paper.settings import PaperSettings
from openbell.ports import PaperLedger
from openbell.values.orders import Order
from openbell.values.quote import Quote

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


class PaperVenue:
    """Prices, time and opening hours in a test's hand; the ledger outlives the broker."""

    environment = "paper"

    def __init__(self, ledger: PaperLedger | None = None, **terms: object) -> None:
        self.time = START
        self.close = CLOSE
        self.prices: dict[str, Quote] = {}
        self.is_open = True
        self.ledger = ledger or MemoryLedger()
        self.settings = PaperSettings.model_validate({"account": "test", **terms})
        self.account_id = self.settings.account
        self.broker = self.another()

    def another(self, **terms: object) -> PaperBroker:
        """One more broker on the same ledger, as another process would open it."""
        settings = self.settings.model_copy(update=terms)
        return PaperBroker(
            settings, self.ledger, self.newest, lambda: self.time, lambda _: self.is_open, lambda _: self.close
        )

    def newest(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The quotes callable of the broker."""
        return {symbol: self.prices[symbol] for symbol in symbols if symbol in self.prices}

    def quote(self, symbol: str, bid: str, ask: str, last: str | None = None) -> None:
        """A new quote, one second later; the last price is the bid unless given."""
        self.time += timedelta(seconds=1)
        self.prices[symbol] = Quote(symbol, Decimal(bid), Decimal(ask), Decimal(last or bid), self.time)

    def fill_share(self, share: str) -> PaperBroker:
        """From now on one quote fills at most this part of an order."""
        self.broker = self.another(fill_share=Decimal(share))
        return self.broker

    def shut(self) -> None:
        """Close the venue."""
        self.is_open = False

    def reopen(self) -> None:
        """Open the venue."""
        self.is_open = True

    def settle(self, client_id: str) -> Order:
        """The order now: the paper venue does everything at once."""
        found = self.broker.order(client_id)
        assert found is not None
        return found
