"""The MarketFeed port over the API of TWS and IB Gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from openbell.calendar.exchange import exchange
from openbell.errors import FeedUnavailable
from openbell.feeds.ibkr import bars as history
from openbell.feeds.ibkr import quotes as snapshots
from openbell.feeds.ibkr.terms import ADJUSTMENTS, FeedTerms
from openbell.stages.check_bars import Wanted, check_bars
from openbell.values.bars import Timeframe
from openbell.values.market import Checked, DropCode, Dropped
from openbell.values.quote import Quote
from openbell.values.time import as_utc
from openbell.venues.ibkr.contracts import Contracts
from openbell.venues.ibkr.line import Line

#: Quotes are those of the present; an earlier ``as_of`` than this has none.
PRESENT = timedelta(minutes=2)


class IBKRFeed:
    """Prices as the login at the gateway is subscribed to them; it connects when first asked."""

    def __init__(self, terms: FeedTerms, code: str, max_age: timedelta | None = None) -> None:
        self._terms, self._code, self._max_age = terms, code, max_age
        self._line = Line(terms, terms.client_id, FeedUnavailable, orders=False)
        self._contracts = Contracts(terms)

    def __repr__(self) -> str:
        return f"IBKRFeed({self._line!r})"

    @property
    def provider(self) -> str:
        """The venue."""
        return "ibkr"

    def close(self) -> None:
        """Hang up; it also happens by itself when the object goes."""
        self._line.close()

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars; a symbol that fails is dropped with the venue's own words."""
        names = tuple(dict.fromkeys(symbols))
        wanted = Wanted(
            symbols=names,
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=exchange(self._code),
            provider=self.provider,
            adjustment=ADJUSTMENTS[self._terms.kind],
            # Adjusted bars cannot be asked for up to an instant: they come up to now and are cut here.
            history=self._terms.kind == "adjusted_last",
            max_age=self._max_age,
        )
        asked = history.question(self._terms, timeframe, count, wanted.as_of)
        got = self._line.ask(lambda session: history.fetch(session, self._contracts, names, asked, self._terms.at_once))
        return _with_reasons(check_bars(history.raw(got, timeframe.daily), wanted), got)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """Bid, ask and last of the present; nothing for a past ``as_of``."""
        moment, names = as_utc(as_of, "as_of"), tuple(dict.fromkeys(symbols))
        if not names or datetime.now(UTC) - moment > PRESENT:
            return {}
        return self._line.ask(lambda session: snapshots.fetch(session, self._contracts, names, self._terms, moment))


def _with_reasons(checked: Checked, got: Mapping[str, object]) -> Checked:
    """The venue's words instead of a mere absence."""
    told = {symbol: reason for symbol, reason in got.items() if isinstance(reason, str)}
    dropped = tuple(
        Dropped(each.symbol, DropCode.MISSING, told[each.symbol]) if each.symbol in told else each
        for each in checked.dropped
    )
    return replace(checked, dropped=dropped)
