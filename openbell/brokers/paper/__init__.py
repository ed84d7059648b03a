"""The paper venue: real prices, pretended money."""

from collections.abc import Callable
from datetime import datetime

from openbell.brokers.paper.broker import PaperBroker, Quotes
from openbell.brokers.paper.settings import PaperSettings, PaperTerms
from openbell.calendar.exchange import Exchange, exchange
from openbell.errors import CalendarError
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.specs import BrokerSpec, Surroundings

__all__ = ["Paper", "PaperBroker", "PaperSettings", "PaperTerms", "paper_broker"]


class Paper(PaperTerms, BrokerSpec):
    """Terms of a paper account, as ``[account.params]`` of a plan has them."""

    @property
    def environment(self) -> str:
        """Pretended money only."""
        return "paper"

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:
        """The account of that name, filled at the feed's quotes while the plan's exchange is open."""
        settings = PaperSettings(account=account, **self.model_dump())
        return paper_broker(settings, around.exchange, ledger, feed.quotes, around.now)


def paper_broker(
    settings: PaperSettings, code: str, ledger: PaperLedger, quotes: Quotes, now: Callable[[], datetime]
) -> PaperBroker:
    """An account that is filled while the exchange of that code is open."""
    venue = exchange(code)
    return PaperBroker(
        settings,
        ledger,
        quotes,
        now,
        is_open=lambda instant: _is_open(venue, instant),
        session_end=lambda instant: _session_end(venue, instant),
    )


def _is_open(venue: Exchange, instant: datetime) -> bool:
    hours = venue.hours(venue.session_of(instant))
    return hours is not None and any(start <= instant < end for start, end in hours.spans)


def _session_end(venue: Exchange, instant: datetime) -> datetime:
    coming = venue.coming(instant)
    hours = venue.hours(coming) if coming else None
    if hours is None:
        raise CalendarError(f"no session of {venue.code} follows {instant.isoformat()}")
    return hours.closes
