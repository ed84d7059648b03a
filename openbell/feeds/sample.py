"""The ``sample`` feed: real daily bars of five US stocks, re-dated so that they end at the last session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cache
from importlib.resources import files
from typing import ClassVar

import numpy as np
from pyarrow import BufferReader, CompressedInputStream, csv
from pydantic import Field

from openbell.calendar.exchange import Exchange, exchange
from openbell.errors import DataError
from openbell.ports import MarketFeed
from openbell.specs import FeedSpec, Surroundings
from openbell.stages.check_bars import Wanted, check_block
from openbell.stages.check_history import check_history
from openbell.stages.raw_bars import Block
from openbell.stages.sessions import instant_of
from openbell.values.bars import FIELDS, FloatPanel, Timeframe
from openbell.values.history import History
from openbell.values.market import Checked
from openbell.values.money import CENT, to_decimal
from openbell.values.quote import Quote
from openbell.values.time import as_utc
from openbell.values.touches import Ticks, cents_around

PROVIDER = "sample (real 2000-2013 prices, re-dated)"
#: Session that the loop is counted from, and the step that keeps its turn away from the end of 2026.
EPOCH = date(2026, 1, 2)
PHASE = 42
#: Bars that the symbol listed last has at least.
LEAST = 20
OPEN, CLOSE = FIELDS.index("open"), FIELDS.index("close")


@dataclass(frozen=True, slots=True, eq=False)
class _Prices:
    symbols: tuple[str, ...]
    values: FloatPanel
    present: np.ndarray

    @property
    def first(self) -> int:
        """The first row at which every symbol has LEAST bars."""
        return int((self.present.cumsum(axis=0) >= LEAST).all(axis=1).argmax())

    @property
    def cycle(self) -> int:
        """Rows that can stand for the last complete session: one more follows each of them."""
        return len(self.present) - 1 - self.first


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """Real daily bars of AAPL, FB, GOOG, IBM and MSFT from 1 March 2000 to 1 March 2013, under new dates.

    The prices are what those stocks did, in that order, one real session for each session of the exchange; only
    the dates are not theirs. The last bar given stands for the last complete session before ``as_of``. From one
    session to the next the series moves on by one real session, so that a plan sees a market that moves. The real
    session that stands for "now" lies between 15 June 2012 (FB has 20 bars then) and 28 February 2013; when the
    end is reached, after 176 sessions or about eight months, it starts again, and the past is re-dated with it.
    Within one answer the series is always an unbroken piece of real history.

    Prices are raw: the splits of MSFT (February 2003) and AAPL (February 2005) are visible. ``adjusted`` scales
    open, high, low and close to the adjusted close of the source. Quotes stand ``spread_bps`` apart around the real
    open of the session in progress, and around the last close when the market is closed. ``max_age`` as in
    ``check_bars``.
    """

    exchange: str = "XNYS"
    spread_bps: Decimal = Decimal(2)
    adjusted: bool = False
    max_age: timedelta | None = None

    @property
    def provider(self) -> str:
        """Says what the prices are."""
        return PROVIDER

    def bars(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Checked:
        """The last ``count`` sessions; of 3,270 real ones there are at least 3,094."""
        wanted = self._wanted(symbols, timeframe, count, as_of)
        return check_block(self._block(wanted.exchange, count, as_of), wanted)

    def history(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> History:
        """Every real session up to the one that stands for the last complete one: one unbroken piece.

        So what ``bars`` gave before the series last started again is not in it.
        """
        wanted = self._wanted(symbols, timeframe, count, as_of)
        return check_history(self._block(wanted.exchange, len(_prices(self.adjusted).present), as_of), wanted)

    def _wanted(self, symbols: Sequence[str], timeframe: Timeframe, count: int, as_of: datetime) -> Wanted:
        if not timeframe.daily:
            raise DataError(f"timeframe {timeframe.text} is not in the sample feed, which has 1d only")
        return Wanted(
            symbols=tuple(dict.fromkeys(symbols)),
            timeframe=timeframe,
            count=count,
            as_of=as_utc(as_of, "as_of"),
            exchange=exchange(self.exchange),
            provider=PROVIDER,
            adjustment="adjusted" if self.adjusted else "raw",
            history=True,
            max_age=self.max_age,
        )

    def _block(self, market: Exchange, count: int, as_of: datetime) -> Block:
        prices, session = _prices(self.adjusted), market.last_complete(as_of)
        stop = _row(market, prices, session) + 1
        rows = min(count, stop)
        opens, closes = market.session_bounds(market.offset(session, 1 - rows), session)
        part = slice(stop - rows, stop)
        none = np.empty((2, 0), np.intp)
        outside = np.zeros(len(prices.symbols), np.intp)
        return Block(prices.symbols, opens, closes, prices.values[:, part], prices.present[part], none, none, outside)

    def quotes(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Quote]:
        """In a session its real open, as of ``as_of``; else the last close, as of that close."""
        as_of, market, prices = as_utc(as_of, "as_of"), exchange(self.exchange), _prices(self.adjusted)
        session = market.last_complete(as_of)
        row, closed = _row(market, prices, session), market.session_bounds(session, session)[1][0]
        trading = _in_session(market, as_of)
        at = prices.values[OPEN, row + 1] if trading else prices.values[CLOSE, row]
        time = as_of if trading else instant_of(closed)
        column = {symbol: number for number, symbol in enumerate(prices.symbols)}
        return {symbol: self.quote(symbol, at[column[symbol]], time) for symbol in symbols if symbol in column}

    def quote(self, symbol: str, price: float, time: datetime) -> Quote:
        """The quote around one price."""
        last = to_decimal(round(float(price), 4))
        half = last * self.spread_bps / 20_000
        bid, ask = (last - half).quantize(CENT, ROUND_FLOOR), (last + half).quantize(CENT, ROUND_CEILING)
        return Quote(symbol, bid, ask, last, time)

    def touches(self, prices: FloatPanel) -> tuple[Ticks, Ticks]:
        """Bid and ask around many prices."""
        return cents_around(prices, self.spread_bps)


def _in_session(market: Exchange, as_of: datetime) -> bool:
    coming = market.coming(as_of)
    hours = market.hours(coming) if coming else None
    return hours is not None and hours.opens <= as_of


def _row(market: Exchange, prices: _Prices, session: date) -> int:
    """The row of real prices that stands for a session."""
    return prices.first + (_sessions_since(market, session) + PHASE) % prices.cycle


def _sessions_since(market: Exchange, session: date) -> int:
    """Sessions from EPOCH up to and with ``session``; 0 and less before it."""
    if session < EPOCH:
        return 1 - len(market.session_dates(session, EPOCH - timedelta(days=1)))
    return len(market.session_dates(EPOCH, session))


@cache
def _prices(adjusted: bool) -> _Prices:
    """Every price of the sample, read once per process: rows are real sessions, NaN before a listing."""
    data = files("bokeh_sampledata").joinpath("_data", "stocks.csv.gz").read_bytes()
    table = csv.read_csv(CompressedInputStream(BufferReader(data), "gzip"))
    symbols, column = np.unique(table["Ticker"].to_numpy().astype(np.str_), return_inverse=True)
    days, row = np.unique(table["Date"].to_numpy(), return_inverse=True)
    values = np.full((len(FIELDS), len(days), len(symbols)), np.nan)
    for panel, name in zip(values, FIELDS, strict=True):
        panel[row, column] = table[name.title()].to_numpy()
    if adjusted:
        factor = table["Adj Close"].to_numpy() / table["Close"].to_numpy()
        values[: FIELDS.index("volume"), row, column] *= factor
    values.flags.writeable = False
    return _Prices(tuple(symbols.tolist()), values, ~np.isnan(values[0]))


class Sample(FeedSpec):
    """Settings of the sample feed."""

    remote: ClassVar[bool] = False

    spread_bps: Decimal = Field(Decimal(2), gt=0, le=1000, description="Bid to ask, in hundredths of a percent.")
    adjusted: bool = Field(False, description="Prices adjusted for splits and dividends.")

    def open(self, around: Surroundings) -> MarketFeed:
        """The feed on the plan's exchange."""
        return SampleFeed(around.exchange, self.spread_bps, self.adjusted, around.max_age)
