"""Interactive Brokers: bars and quotes over TWS or IB Gateway."""

from openbell.feeds.ibkr.feed import IBKRFeed
from openbell.feeds.ibkr.terms import FeedTerms
from openbell.ports import MarketFeed
from openbell.specs import FeedSpec, Surroundings

__all__ = ["IBKRData", "IBKRFeed"]


class IBKRData(FeedTerms, FeedSpec):
    """Settings of the feed, as ``[feed.params]`` of a plan has them."""

    def open(self, around: Surroundings) -> MarketFeed:
        """The feed on the plan's exchange; it connects when it is first asked."""
        return IBKRFeed(self, around.exchange, around.max_age)
