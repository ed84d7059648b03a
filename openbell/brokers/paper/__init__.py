"""The paper venue: real prices, pretended money."""

from datetime import datetime

from openbell.brokers.paper.broker import PaperBroker
from openbell.brokers.paper.settings import PaperSettings, PaperTerms
from openbell.calendar.exchange import exchange
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.specs import BrokerSpec, Surroundings

__all__ = ["Paper", "PaperBroker", "PaperSettings", "PaperTerms"]


class Paper(PaperTerms, BrokerSpec):
    """Terms of a paper account, as ``[account.params]`` of a plan has them."""

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:
        """The account of that name, filled at the feed's quotes while the plan's exchange is open."""
        venue = exchange(around.exchange)

        def session_end(instant: datetime) -> datetime:
            return venue.next_close(instant)

        settings = PaperSettings(account=account, **self.model_dump())
        return PaperBroker(settings, ledger, feed.quotes, around.now, venue.is_open, session_end)
