"""Where prices come from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from openbell.values.bars import FloatPanel, Timeframe
from openbell.values.history import History
from openbell.values.market import Checked
from openbell.values.quote import Quote
from openbell.values.touches import Ticks


class MarketFeed(Protocol):
    """Prices of many symbols in one call each; raises FeedUnavailable when it does not answer."""

    @property
    def provider(self) -> str:
        """Name that records carry."""

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars complete at ``as_of``; what cannot be used is dropped with its reason."""

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The newest quote of each symbol at ``as_of``; a symbol without one is absent."""


@runtime_checkable
class Historical(Protocol):
    """A feed that knows all of the past, symbols included whose data has ended."""

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        """Every bar complete at ``as_of``; ``count`` is how many a run looks at. DataError when no symbol has any."""

    def quote(self, symbol: str, price: float, time: datetime) -> Quote | None:
        """The quote that the feed would make of one price; None of what is no price."""


@runtime_checkable
class Touching(Protocol):
    """A feed that makes the quotes of many prices at once."""

    def touches(self, prices: FloatPanel) -> tuple[Ticks, Ticks]:
        """Bid and ask as ``Historical.quote`` makes them, in ten-thousandths; 0 where that cannot be told exactly."""
