"""Quotes: a snapshot of each symbol, all on their way at the same time, done as soon as the prices are there."""

import asyncio
import copy
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from openbell.errors import FeedUnavailable
from openbell.feeds.ibkr.terms import FeedTerms
from openbell.values.quote import Quote
from openbell.venues.ibkr import words
from openbell.venues.ibkr.contracts import Contracts
from openbell.venues.ibkr.sdk import RequestError
from openbell.venues.ibkr.session import Session, Trouble

#: How much later than the exchange delayed prices are, at the least.
DELAY = timedelta(minutes=15)
#: What is asked for: live data, or delayed ones where live ones are not subscribed.
_LIVE, _DELAYED = 1, 3
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is no quote; ``code`` is the venue's, 0 when it said none."""

    reason: str
    code: int = 0


async def fetch(
    session: Session, contracts: Contracts, symbols: Sequence[str], terms: FeedTerms, as_of: datetime
) -> Mapping[str, Quote]:
    """The quotes there are; FeedUnavailable when there is none because nobody may have live data here."""
    session.ib.reqMarketDataType(_DELAYED if terms.delayed else _LIVE)
    # Tickers of an earlier question still hold its prices.
    session.ib.wrapper.tickers.clear()
    found = await contracts.find(session, symbols)
    gate = asyncio.Semaphore(terms.at_once)

    async def one(symbol: str) -> Quote | Absent:
        details = found[symbol]
        if isinstance(details, str):
            return Absent(details)
        async with gate:
            return await _one(session, symbol, details.contract, terms, as_of)

    got = dict(zip(symbols, await asyncio.gather(*map(one, symbols)), strict=True))
    quotes = {symbol: quote for symbol, quote in got.items() if isinstance(quote, Quote)}
    barred = [(s, a) for s, a in got.items() if isinstance(a, Absent) and a.code in words.NO_LIVE_DATA]
    if barred and not quotes:
        symbol, absent = barred[0]
        raise FeedUnavailable(
            f"ibkr: no live prices of {len(barred)} symbols, first {symbol}: {absent.reason}; subscribe to them, end "
            "the other login that uses them, or set delayed = true"
        )
    return quotes


async def _one(session: Session, symbol: str, contract: Any, terms: FeedTerms, as_of: datetime) -> Quote | Absent:
    own = copy.copy(contract)
    snapshot = asyncio.ensure_future(session.ib.reqTickersAsync(own))
    end = asyncio.get_running_loop().time() + terms.quote_timeout
    while not snapshot.done() and not _whole(session.ib.ticker(own)) and asyncio.get_running_loop().time() < end:
        if session.dead:
            snapshot.cancel()
            raise Trouble(session.dead)
        await asyncio.sleep(_STEP)
    ticker = session.ib.ticker(own)
    number = session.ib.wrapper.ticker2ReqId["snapshot"].get(ticker, 0)
    if snapshot.done() and (error := snapshot.exception()):
        return _barred(error)
    if not snapshot.done():
        await _end(session, snapshot, number)
    return _quote(symbol, ticker, _delayed(session, ticker, number), terms, as_of)


async def _end(session: Session, snapshot: "asyncio.Future[Any]", number: int) -> None:
    """The venue would go on until its own eleven seconds are over."""
    snapshot.cancel()
    with suppress(asyncio.CancelledError, RequestError, ConnectionError):
        await snapshot
    if number:
        session.ib.client.cancelMktData(number)


def _barred(error: BaseException) -> Absent:
    if isinstance(error, RequestError):
        return Absent(f"{error.code} {words.shown(error.message)}", error.code)
    raise Trouble("the connection was lost while quotes were on their way") from error


def _delayed(session: Session, ticker: Any, number: int) -> bool:
    told = {code for code, _ in session.told.get(number, [])} if number else set()
    return ticker.marketDataType != _LIVE or bool(told & words.NO_LIVE_DATA)


def _whole(ticker: Any) -> bool:
    return ticker is not None and all(_price(value) for value in (ticker.bid, ticker.ask, ticker.last))


def _price(value: float) -> Decimal | None:
    """A price; -1, 0 and NaN are none."""
    return Decimal(repr(float(value))) if math.isfinite(value) and value > 0 else None


def _quote(symbol: str, ticker: Any, delayed: bool, terms: FeedTerms, as_of: datetime) -> Quote | Absent:
    """A quote as of now; a delayed one is older by the least that it is delayed by.

    The venue stamps no time on bid and ask: they are the present when they come.
    """
    if delayed and not terms.delayed:
        return Absent("10167 prices are delayed or frozen, not live", 10167)
    if ticker.halted > 0:
        return Absent(f"trading in {symbol} is halted")
    bid, ask, last = _price(ticker.bid), _price(ticker.ask), _price(ticker.last) or _price(ticker.close)
    if not (bid and ask and last):
        return Absent(f"bid {ticker.bid}, ask {ticker.ask}, last {ticker.last}: not all of them are prices")
    arrived = min(datetime.now(UTC), as_of)
    return Quote(symbol, bid, ask, last, arrived - DELAY if delayed else arrived)
