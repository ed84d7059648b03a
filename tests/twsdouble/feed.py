"""Market data of the double: ticks, snapshots, bars, trading hours."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.twsdouble import history as past
from tests.twsdouble import messages
from tests.twsdouble.wire import Fields

if TYPE_CHECKING:
    from tests.twsdouble.session import Session
    from tests.twsdouble.venue import Venue

#: A snapshot is declared complete only after this many seconds, as the real one is.
SNAPSHOT_END = 11
NOT_SUBSCRIBED = "Requested market data is not subscribed. Delayed market data is available."
DELAYED = "Requested market data is not subscribed. Displaying delayed market data."
PACED = "Historical Market Data Service error message:Historical data request pacing violation"


def hours(venue: "Venue", listing: dict) -> str:
    """Trading hours around now: open without end, or closed today."""
    if listing["hours"] is not None:
        return str(listing["hours"])
    today = datetime.fromtimestamp(venue.now(), ZoneInfo(str(listing["zone"])))
    tomorrow = today + timedelta(days=1)
    if venue.settings["is_open"]:
        return f"{today:%Y%m%d}:0000-{tomorrow:%Y%m%d}:0000"
    return f"{today:%Y%m%d}:CLOSED;{tomorrow:%Y%m%d}:CLOSED"


def market_data_type(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    session.data_type = fields.number()


def market_data(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    request, contract = fields.number(), fields.contract()
    fields.word()  # no delta neutral contract
    generic, snapshot = fields.word(), fields.flag()
    venue = session.server.venue
    found = venue.find(int(contract["con_id"] or 0), contract["symbol"], contract["currency"])
    if "error" in fault or len(found) != 1:
        session.error(request, *fault.get("error", [200, "No security definition has been found for the request"]))
        return
    if generic and snapshot:
        session.error(request, 321, "Snapshot market data subscription is not applicable to generic ticks")
        return
    _ticks(session, request, str(found[0]["symbol"]))
    if snapshot:
        session.watching[request] = session.server.loop.call_later(SNAPSHOT_END, session.send, 57, 1, request)


def _ticks(session: "Session", request: int, symbol: str) -> None:
    server = session.server
    kind = server.data.get(symbol, {})
    if kind.get("silent"):
        return
    if "error" in kind:
        session.error(request, *kind["error"])
        return
    if kind.get("delayed") and session.data_type in (1, 2):
        session.error(request, 354, NOT_SUBSCRIBED)
        return
    late = bool(kind.get("delayed"))
    session.send(81, request, "0.01", "9c0001", 3)
    if late:
        session.error(request, 10167, DELAYED)
    session.send(58, 1, request, kind.get("type", 3 if late else 1))
    if "halted" in kind:
        session.send(45, 6, request, 49, kind["halted"])
    bid, ask = (str(price) for price in server.venue.quotes.get(symbol, (-1, -1)))
    last = kind.get("last", bid)
    for number, price in ((1, kind.get("bid", bid)), (2, kind.get("ask", ask)), (4, last)):
        if price != "none":
            session.send(1, 6, request, {1: 66, 2: 67, 4: 68}[number] if late else number, price, 100, 0)


def cancel_market_data(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    timer = session.watching.pop(fields.number(), None)
    if timer is not None:
        timer.cancel()


def history(session: "Session", fields: Fields, fault: dict) -> None:
    request, contract = fields.number(), fields.contract()
    fields.word()  # includeExpired
    end, size, duration, _, what, style = (fields.word() for _ in range(6))
    venue = session.server.venue
    found = venue.find(int(contract["con_id"] or 0), contract["symbol"], contract["currency"])
    if "error" in fault or len(found) != 1:
        session.error(request, *fault.get("error", [200, "No security definition has been found for the request"]))
        return
    if what == "ADJUSTED_LAST" and end:
        session.error(
            request, 321, "Error validating request.-'bQ' : cause - End date not supported with adjusted last"
        )
        return
    if _paced(session, size, (contract["con_id"], contract["symbol"], end, duration, what)):
        session.error(request, 162, PACED)
        return
    until = past.instant(end) if end else datetime.fromtimestamp(venue.now(), UTC)
    bars = [] if fault.get("empty") else past.rows(str(found[0]["symbol"]), until, duration, size, style == "2")
    if not bars:
        session.error(request, 162, "Historical Market Data Service error message:HMDS query returned no data")
        return
    session.send_raw(messages.history(request, bars, "", ""))


def _paced(session: "Session", size: str, what: tuple) -> bool:
    """The same question about short bars within 15 seconds."""
    now, asked = session.server.loop.time(), session.server.asked
    again = "sec" in size and now - asked.get(what, -100.0) < 15
    asked[what] = now
    return again
