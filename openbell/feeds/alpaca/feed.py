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
from openbell.feeds.alpaca.rows import Pages, coin_dates, quote_of, stock_dates, together
from openbell.stages.check_bars import Wanted, check_bars
from openbell.stages.raw_bars import MAX_ROWS
from openbell.values.bars import Timeframe
from openbell.values.instrument import is_coin
from openbell.values.market import Checked, DropCode, Dropped
from openbell.values.quote import Quote
from openbell.values.time import as_utc

#: Symbols of one request, and the rows of a page: the most that Alpaca gives.
BATCH, PAGE = 200, 10_000
#: A batch that is refused because of symbols in it is asked once more without them, this often.
REFUSALS = 5
_NAME = re.compile(r"[A-Z0-9./-]+")
_ASTRAY = "daily bars are not stamped where a day begins, so that their dates are not known"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the prices of stocks or of coins are, and what is said of a symbol that is not there."""

    bars: str
    quotes: str
    trades: str
    version: str
    refused: str


STOCKS = Shelf(
    "/stocks/bars",
    "/stocks/quotes/latest",
    "/stocks/trades/latest",
    "v2",
    "alpaca says that it is no symbol of a stock",
)
COINS = Shelf(
    "/crypto/us/bars",
    "/crypto/us/latest/quotes",
    "/crypto/us/latest/trades",
    "v1beta3",
    "alpaca says that it is no symbol of a coin",
)


@dataclass(frozen=True, slots=True)
class AlpacaFeed:
    """Bars and quotes of US stocks from one tape: ``iex`` (one exchange) or ``sip`` (all of them); and of coins.

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
            "sort": "asc",
        }
        reasons: dict[str, str] = {}
        of_stocks = params | {"adjustment": self.adjustment, "feed": self.tape}
        stocks = self._read(STOCKS, wanted.symbols, of_stocks, reasons).raw(timeframe.daily, stock_dates)
        coins = self._read(COINS, wanted.symbols, params, reasons).raw(timeframe.daily, coin_dates(as_of))
        raw = together(stocks[0], coins[0]) if coins[0].symbols else stocks[0]
        return _explained(check_bars(raw, wanted), reasons, stocks[1] | coins[1])

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """The newest quote and trade of each symbol, two requests for each 200; what lacks either is absent."""
        as_of = as_utc(as_of, "as_of")
        found: dict[str, Quote] = {}
        reasons: dict[str, str] = {}
        for shelf in (STOCKS, COINS):
            for batch in _batches(shelf, dict.fromkeys(symbols)):
                quotes = self._latest(shelf, "quotes", batch, reasons)
                trades = self._latest(shelf, "trades", [symbol for symbol in batch if symbol in quotes], reasons)
                told = (quote_of(symbol, quotes[symbol], trades[symbol], as_of) for symbol in trades)
                found |= {quote.symbol: quote for quote in told if quote is not None}
        return found

    def _read(self, shelf: Shelf, symbols: Iterable[str], params: Mapping[str, str], reasons: dict[str, str]) -> Pages:
        pages = Pages()
        for batch in _batches(shelf, symbols):
            for body, asked in self._pages(shelf, batch, params, reasons):
                pages.add(body, asked)
        return pages

    def _pages(
        self, shelf: Shelf, batch: Sequence[str], params: Mapping[str, str], reasons: dict[str, str]
    ) -> Iterable[tuple[Mapping[str, Any], Sequence[str]]]:
        """Each page with the symbols that it was asked for; the token decides whether there is another."""
        body, asked = self._asked(shelf, shelf.bars, batch, params, reasons)
        tokens: set[str] = set()
        while asked:
            yield body, asked
            token = body.get("next_page_token")
            if not token:
                return
            if token in tokens or len(tokens) * PAGE > MAX_ROWS:
                raise FeedUnavailable(f"alpaca: the pages of {shelf.bars} do not come to an end")
            tokens.add(str(token))
            more = {**params, "symbols": ",".join(asked), "page_token": str(token)}
            body = self.data.ask(shelf.bars, more, shelf.version)

    def _asked(
        self, shelf: Shelf, path: str, batch: Sequence[str], params: Mapping[str, str], reasons: dict[str, str]
    ) -> tuple[Mapping[str, Any], Sequence[str]]:
        """The first page for a batch, and what of the batch it is for: symbols that spoil it for the others go."""
        for _ in range(REFUSALS):
            if not batch:
                return {}, ()
            try:
                return self.data.ask(path, {**params, "symbols": ",".join(batch)}, shelf.version), batch
            except InvalidSymbols as error:
                named = set(_NAME.findall(error.said)) & set(batch)
                if not named:
                    raise
                reasons |= dict.fromkeys(named, shelf.refused)
                batch = [symbol for symbol in batch if symbol not in named]
        raise DataError(f"alpaca: symbols of {path} were refused {REFUSALS} times in a row")

    def _latest(
        self, shelf: Shelf, name: str, batch: Sequence[str], reasons: dict[str, str]
    ) -> dict[str, Mapping[str, Any]]:
        path, of = shelf.quotes if name == "quotes" else shelf.trades, {"feed": self.quote_tape}
        body, asked = self._asked(shelf, path, batch, of if shelf is STOCKS else {}, reasons)
        rows = body.get(name) or {}
        if not isinstance(rows, dict):
            raise DataError(f"alpaca: {name} is a {type(rows).__name__}, not an object by symbol")
        return {symbol: rows[symbol] for symbol in asked if isinstance(rows.get(symbol), dict)}


def _batches(shelf: Shelf, symbols: Iterable[str]) -> list[list[str]]:
    mine = [symbol for symbol in symbols if is_coin(symbol) is (shelf is COINS)]
    return [mine[at : at + BATCH] for at in range(0, len(mine), BATCH)]


def _explained(checked: Checked, reasons: Mapping[str, str], astray: frozenset[str]) -> Checked:
    """With what we know better than the validation about symbols that never reached it."""

    def told(dropped: Dropped) -> Dropped:
        if dropped.symbol in astray:
            return Dropped(dropped.symbol, DropCode.TIMEZONE, _ASTRAY)
        return replace(dropped, detail=reasons.get(dropped.symbol, dropped.detail))

    return replace(checked, dropped=tuple(told(dropped) for dropped in checked.dropped))


def _stamp(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
