"""The MarketFeed port over Alpaca's market data API."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, FeedUnavailable
from openbell.feeds.alpaca.history import needed, timeframe_word
from openbell.feeds.alpaca.questions import InvalidSymbols, MarketData
from openbell.feeds.alpaca.rows import Pages, quote_of
from openbell.stages.check_bars import Wanted, check_bars
from openbell.stages.raw_bars import MAX_ROWS
from openbell.values.bars import Timeframe
from openbell.values.market import Checked, DropCode, Dropped
from openbell.values.quote import Quote
from openbell.values.time import as_utc

#: Symbols of one request, and the rows of a page: the most that Alpaca gives.
BATCH, PAGE = 200, 10_000
#: A batch that is refused because of symbols in it is asked once more without them, this often.
REFUSALS = 5
BARS, QUOTES, TRADES = "/stocks/bars", "/stocks/quotes/latest", "/stocks/trades/latest"
_NAME = re.compile(r"[A-Z0-9./-]+")
_COIN = "the feed is of stocks; Alpaca's crypto prices are not part of it"
_REFUSED = "alpaca says that it is no symbol of a stock"
_ASTRAY = "daily bars are not stamped at midnight in New York, so that their dates are not known"


@dataclass(frozen=True, slots=True)
class AlpacaFeed:
    """Bars and quotes of US stocks from one tape: ``iex`` (one exchange) or ``sip`` (all of them).

    ``adjustment`` is what past prices are adjusted for: with ``split`` a panel has no jump where a stock was split, and
    its last price is the one that is traded at. ``max_age`` as in ``check_bars``.
    """

    data: MarketData
    tape: str
    quote_tape: str
    adjustment: str
    exchange: str
    max_age: timedelta | None = None

    @property
    def provider(self) -> str:
        """Alpaca and the tape."""
        return f"alpaca {self.tape}"

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` bars complete at ``as_of``; a request for each 200 symbols, and for each page of them."""
        market = exchange(self.exchange)
        wanted = Wanted(
            symbols=tuple(dict.fromkeys(symbols)),
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=market,
            provider=self.provider,
            adjustment=self.adjustment,
            max_age=self.max_age,
        )
        span = needed(market, timeframe, count, as_of)
        params = {
            "timeframe": timeframe_word(timeframe),
            "start": _stamp(span.start),
            "end": _stamp(span.end),
            "limit": str(PAGE),
            "adjustment": self.adjustment,
            "feed": self.tape,
            "sort": "asc",
        }
        reasons: dict[str, str] = {}
        pages = Pages()
        for batch in _batches(wanted.symbols, reasons):
            for body, asked in self._pages(batch, params, reasons):
                pages.add(body, asked)
        raw, astray = pages.raw(timeframe.daily)
        return _explained(check_bars(raw, wanted), reasons, astray)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The newest quote and trade of each symbol, two requests for each 200; what lacks either is absent."""
        as_of = as_utc(as_of, "as_of")
        found: dict[str, Quote] = {}
        reasons: dict[str, str] = {}
        for batch in _batches(dict.fromkeys(symbols), reasons):
            quotes = self._latest(QUOTES, "quotes", batch, reasons)
            trades = self._latest(TRADES, "trades", [symbol for symbol in batch if symbol in quotes], reasons)
            for symbol in trades:
                quote = quote_of(symbol, quotes[symbol], trades[symbol], as_of)
                found |= {symbol: quote} if quote is not None else {}
        return found

    def _pages(
        self, batch: Sequence[str], params: Mapping[str, str], reasons: dict[str, str]
    ) -> Iterable[tuple[Mapping[str, Any], Sequence[str]]]:
        """Each page with the symbols that it was asked for; the token decides whether there is another."""
        body, asked = self._asked(BARS, batch, params, reasons)
        tokens: set[str] = set()
        while asked:
            yield body, asked
            token = body.get("next_page_token")
            if not token:
                return
            if token in tokens or len(tokens) * PAGE > MAX_ROWS:
                raise FeedUnavailable(f"alpaca: the pages of {BARS} do not come to an end")
            tokens.add(str(token))
            body = self.data.ask(BARS, {**params, "symbols": ",".join(asked), "page_token": str(token)})

    def _asked(
        self, path: str, batch: Sequence[str], params: Mapping[str, str], reasons: dict[str, str]
    ) -> tuple[Mapping[str, Any], Sequence[str]]:
        """The first page for a batch, and what of the batch it is for: symbols that spoil it for the others go."""
        for _ in range(REFUSALS):
            if not batch:
                return {}, ()
            try:
                return self.data.ask(path, {**params, "symbols": ",".join(batch)}), batch
            except InvalidSymbols as error:
                named = set(_NAME.findall(error.said)) & set(batch)
                if not named:
                    raise
                reasons |= dict.fromkeys(named, _REFUSED)
                batch = [symbol for symbol in batch if symbol not in named]
        raise DataError(f"alpaca: symbols of {path} were refused {REFUSALS} times in a row")

    def _latest(
        self, path: str, name: str, batch: Sequence[str], reasons: dict[str, str]
    ) -> dict[str, Mapping[str, Any]]:
        body, asked = self._asked(path, batch, {"feed": self.quote_tape}, reasons)
        rows = body.get(name) or {}
        if not isinstance(rows, dict):
            raise DataError(f"alpaca: {name} is a {type(rows).__name__}, not an object by symbol")
        return {symbol: rows[symbol] for symbol in asked if isinstance(rows.get(symbol), dict)}


def _batches(symbols: Iterable[str], reasons: dict[str, str]) -> list[list[str]]:
    reasons |= {symbol: _COIN for symbol in symbols if "/" in symbol}
    stocks = [symbol for symbol in symbols if symbol not in reasons]
    return [stocks[at : at + BATCH] for at in range(0, len(stocks), BATCH)]


def _explained(checked: Checked, reasons: Mapping[str, str], astray: frozenset[str]) -> Checked:
    """With what we know better than the validation about symbols that never reached it."""

    def told(dropped: Dropped) -> Dropped:
        if dropped.symbol in astray:
            return Dropped(dropped.symbol, DropCode.TIMEZONE, _ASTRAY)
        return replace(dropped, detail=reasons.get(dropped.symbol, dropped.detail))

    return replace(checked, dropped=tuple(told(dropped) for dropped in checked.dropped))


def _stamp(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
