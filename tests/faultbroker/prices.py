"""Alpaca's market data API as far as a trader needs it: bars in pages, newest quotes, newest trades."""

import base64
import re
from bisect import bisect_right
from datetime import UTC, datetime
from typing import Any

from book import stamp
from venue import Venue

Reply = tuple[int, Any]
#: Rows of a page when nothing is said, and at most.
USUAL, MOST = 1000, 10_000
RECENT = 15 * 60
_STOCK = re.compile(r"[A-Z]{1,6}(\.[A-Z]{1,2})?")
_COIN = re.compile(r"[A-Z]{2,6}/[A-Z]{3,4}")
_TIMEFRAME = re.compile(r"([1-5]?\d)(Min|T)|(1?\d|2[0-3])(Hour|H)|1(Day|D)|1(Week|W)|([1-46]|12)(Month|M)")
TAPES = ("iex", "sip")


def answer(venue: Venue, path: tuple[str, ...], query: dict) -> Reply:
    """The reply to a GET under ``/v2/stocks/``."""
    if path not in _READS:
        return 404, {"message": "endpoint not found."}
    symbols = [symbol for symbol in query.get("symbols", "").split(",") if symbol]
    if not symbols:
        return 400, {"message": "symbols is required"}
    for symbol in symbols:
        if not _STOCK.fullmatch(symbol):
            return 400, {"message": f"invalid symbol: {symbol}"}
    if query.get("feed", "sip" if venue.subscribed else "iex") not in TAPES:
        return 400, {"message": f"invalid feed: {query['feed']}"}
    return _READS[path](venue, symbols, query)


def coins(venue: Venue, path: tuple[str, ...], query: dict) -> Reply:
    """The reply to a GET under ``/v1beta3/crypto/us/``: no tapes there, and nothing is adjusted."""
    read = {("bars",): _bars, ("latest", "quotes"): _quotes, ("latest", "trades"): _trades}.get(path)
    if read is None or query.keys() & {"feed", "adjustment"}:
        return 404, {"message": "endpoint not found."}
    symbols = query.get("symbols", "").split(",")
    for symbol in symbols:
        if not _COIN.fullmatch(symbol):
            return 400, {"message": f"invalid symbol: {symbol}"}
    return read(venue, symbols, query)


def _bars(venue: Venue, symbols: list[str], query: dict) -> Reply:
    """Sorted by symbol and time; ``limit`` counts the rows of all symbols, and a page may end inside one."""
    if not _TIMEFRAME.fullmatch(query.get("timeframe", "")):
        return 400, {"message": f"invalid timeframe: {query.get('timeframe')}"}
    start, end = _instant(query["start"]), _instant(query.get("end", stamp(venue.now())))
    if query.get("feed") == "sip" and not venue.subscribed and end > venue.now() - RECENT:
        return 403, {"message": "subscription does not permit querying recent SIP data"}
    rows = [
        (symbol, row)
        for symbol in sorted(set(symbols))
        for row in venue.bars.get((symbol, query["timeframe"]), ())
        if start <= _instant(row["t"]) <= end
    ]
    limit = min(int(query.get("limit", USUAL)), MOST)
    after = _untoken(query.get("page_token", ""))
    if after is None:
        return 400, {"message": "invalid page token"}
    places = [f"{symbol}|{row['t']}" for symbol, row in rows]
    first = bisect_right(places, after)
    page: dict[str, list] = {}
    for symbol, row in rows[first : first + limit]:
        page.setdefault(symbol, []).append(row)
    more = first + limit < len(rows)
    return 200, {"bars": page, "next_page_token": _token(places[first + limit - 1]) if more else None}


def _quotes(venue: Venue, symbols: list[str], query: dict) -> Reply:
    if query.get("feed") == "sip" and not venue.subscribed:
        return 403, {"message": "subscription does not permit querying recent SIP data"}
    return 200, {"quotes": {symbol: _quote(venue, symbol) for symbol in symbols if symbol in venue.quotes}}


def _trades(venue: Venue, symbols: list[str], query: dict) -> Reply:
    return 200, {"trades": {symbol: _trade(venue, symbol) for symbol in symbols if symbol in venue.quotes}}


def _quote(venue: Venue, symbol: str) -> dict:
    bid, ask, _ = venue.quotes[symbol]
    return {"t": _fine(venue.quoted[symbol]), "ax": "V", "ap": float(ask), "as": 100, "bx": "V", "bp": float(bid),
            "bs": 200, "c": ["R"], "z": "C"}  # fmt: skip


def _trade(venue: Venue, symbol: str) -> dict:
    """The last trade was at the bid."""
    bid = venue.quotes[symbol][0]
    return {"t": _fine(venue.quoted[symbol]), "x": "V", "p": float(bid), "s": 100, "c": ["@"], "i": 1, "z": "C"}


def _fine(instant: float) -> str:
    """With nanoseconds, as Alpaca has them."""
    return stamp(instant).replace("Z", "123Z")


def _instant(text: str) -> float:
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _token(place: str) -> str:
    return base64.b64encode(place.encode()).decode()


def _untoken(token: str) -> str | None:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        return None


_READS = {
    ("bars",): _bars,
    ("quotes", "latest"): _quotes,
    ("trades", "latest"): _trades,
}
