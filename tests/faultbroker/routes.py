"""Alpaca's trading API v2 as far as a trader needs it: (status, body) for each request."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import prices
from book import stamp
from venue import OPEN, Venue, shown

Reply = tuple[int, Any]
NOT_FOUND = 404, {"code": 40410000, "message": "order not found"}


def answer(venue: Venue, verb: str, path: str, query: dict, body: dict, request: int) -> Reply:
    """The reply to one request; the caller holds the venue's lock."""
    venue.advance()
    parts = tuple(path.split("/")[2:])
    if verb == "GET" and (parts[0], len(parts)) in _READS:
        return _READS[parts[0], len(parts)](venue, query, parts)
    if verb == "GET" and parts[0] == "stocks":
        return prices.answer(venue, parts[1:], query)
    if verb == "GET" and path.startswith("/v1beta3/crypto/us/"):
        return prices.coins(venue, parts[2:], query)
    match verb, parts:
        case "GET", ("account", "activities", "FILL"):
            return _activities(venue, query)
        case "POST", ("orders",):
            return _order_reply(venue.place(body, request))
        case "DELETE", ("orders",):
            return 207, [_canceled(venue, order) for order in list(venue.orders) if order["status"] in OPEN]
        case "DELETE", ("orders", order_id):
            return _cancel(venue, order_id)
    return 404, {"code": 40410000, "message": "endpoint not found."}


def _error(refused: tuple[int, int, str]) -> Reply:
    status, code, message = refused
    return status, {"code": code, "message": message}


def _order_reply(placed: dict | tuple) -> Reply:
    return (200, _with_legs(placed)) if isinstance(placed, dict) else _error(placed)


def _cancel(venue: Venue, order_id: str) -> Reply:
    order = venue.by_id(order_id)
    if order is None or not venue.visible(order):
        return NOT_FOUND
    refused = venue.cancel(order)
    return _error(refused) if refused else (204, None)


def _canceled(venue: Venue, order: dict) -> dict:
    venue.cancel(order)
    return {"id": order["id"], "status": 200, "body": shown(order)}


def _account(venue: Venue, query: dict, parts: tuple) -> Reply:
    values = {symbol: venue.held(symbol) * venue.mark(symbol) for symbol in venue.positions}
    equity = venue.equity()
    return 200, venue.flags | {
        "id": "5f6b2f9e-0000-4000-8000-000000000001", "account_number": venue.account_number,
        "status": venue.account_status, "crypto_status": "ACTIVE", "currency": "USD", "cash": str(venue.cash),
        "buying_power": str(venue.buying_power()), "regt_buying_power": str(venue.buying_power()),
        "non_marginable_buying_power": str(max(0, venue.cash)), "portfolio_value": str(equity), "equity": str(equity),
        "last_equity": str(equity), "multiplier": str(venue.multiplier), "shorting_enabled": venue.shorting,
        "long_market_value": str(sum(value for value in values.values() if value > 0)),
        "short_market_value": str(sum(value for value in values.values() if value < 0)),
        "position_market_value": str(sum(abs(value) for value in values.values())),
        "initial_margin": "0", "maintenance_margin": "0", "sma": "0", "accrued_fees": "0",
        "transfers_blocked": False, "created_at": "2026-01-02T15:00:00Z", "balance_asof": "2026-11-20",
    }  # fmt: skip


def _positions(venue: Venue, query: dict, parts: tuple) -> Reply:
    return 200, [_position(venue, symbol) for symbol in sorted(venue.positions)]


def _position(venue: Venue, symbol: str) -> dict:
    held, average = venue.positions[symbol]
    mark, asset = venue.mark(symbol), venue.assets[symbol]
    away = [order for order in venue.open_orders(symbol) if (order["side"] == "sell") == (held > 0)]
    free = abs(held) - sum(order["_qty"] - order["_filled"] for order in away)
    return {
        "asset_id": asset["id"], "symbol": symbol.replace("/", ""), "exchange": asset["exchange"],
        "asset_class": asset["class"], "asset_marginable": True, "qty": str(held), "qty_available": str(free),
        "avg_entry_price": str(average), "side": "long" if held > 0 else "short", "market_value": str(held * mark),
        "cost_basis": str(held * average), "unrealized_pl": str(held * (mark - average)), "current_price": str(mark),
    }  # fmt: skip


def _orders(venue: Venue, query: dict, parts: tuple) -> Reply:
    """50 rows by default, 500 at most, newest first, without held legs; ``after`` and ``until`` are exclusive."""
    wanted, limit = query.get("status", "open"), min(int(query.get("limit", 50)), 500)
    symbols = set(query["symbols"].split(",")) if query.get("symbols") else None
    rows = [
        order
        for order in venue.orders
        if venue.visible(order)
        and (wanted == "all" or (order["status"] in OPEN) == (wanted == "open"))
        and not (wanted == "open" and order["status"] == "held")
        and (symbols is None or order["symbol"] in symbols)
        and _between(order["submitted_at"], query)
    ]
    rows.sort(key=lambda order: order["submitted_at"], reverse=query.get("direction", "desc") != "asc")
    if query.get("nested") == "true":
        return 200, [_with_legs(order) for order in rows if "_parent" not in order][:limit]
    return 200, [shown(order) for order in rows[:limit]]


def _with_legs(order: dict) -> dict:
    """Legs are told under their order, and nowhere else."""
    kin = order.get("_kin", []) if "_parent" not in order else []
    return shown(order) | {"legs": [shown(leg) for leg in kin] or None}


def _between(at: str, query: dict) -> bool:
    instant = _instant(at)
    if query.get("after") and instant <= _instant(query["after"]):
        return False
    return not (query.get("until") and instant >= _instant(query["until"]))


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _by_client_id(venue: Venue, query: dict, parts: tuple) -> Reply:
    return _shown_or_not(venue, venue.by_client_id(query.get("client_order_id")))


def _by_id(venue: Venue, query: dict, parts: tuple) -> Reply:
    order = venue.by_id(parts[1])
    status, body = _shown_or_not(venue, order)
    return status, _with_legs(order) if order is not None and status == 200 and query.get("nested") else body


def _shown_or_not(venue: Venue, order: dict | None) -> Reply:
    return (200, shown(order)) if order is not None and venue.visible(order) else NOT_FOUND


def _activities(venue: Venue, query: dict) -> Reply:
    """100 rows at most; the next page begins after ``page_token``, the id of the last row."""
    hidden = {order["id"] for order in venue.orders if not venue.visible(order)}
    rows = [row for row in venue.activities if row["order_id"] not in hidden]
    rows = [row for row in rows if _between(row["transaction_time"], query)]
    if query.get("direction", "desc") != "asc":
        rows.reverse()
    ids = [row["id"] for row in rows]
    start = ids.index(query["page_token"]) + 1 if query.get("page_token") in ids else 0
    return 200, rows[start : start + min(int(query.get("page_size", 100)), 100)]


def _clock(venue: Venue, query: dict, parts: tuple) -> Reply:
    now = venue.now()
    return 200, {"timestamp": stamp(now).replace("Z", "123+00:00"), "is_open": venue.is_open,
                 "next_open": stamp(now + 3600), "next_close": stamp(now + 7200)}  # fmt: skip


def _calendar(venue: Venue, query: dict, parts: tuple) -> Reply:
    """Weekdays between ``start`` and ``end``; holidays are not this double's business."""
    start = datetime.fromisoformat(query.get("start", stamp(venue.now())[:10]))
    end = datetime.fromisoformat(query.get("end", str(start.date())))
    return 200, [_day(day) for day in _days(start, end) if day.weekday() < 5]


def _days(start: datetime, end: datetime) -> Iterable[datetime]:
    return (start + timedelta(days=number) for number in range((end - start).days + 1))


def _day(day: datetime) -> dict:
    return {"date": f"{day:%Y-%m-%d}", "open": "09:30", "close": "16:00", "session_open": "0400",
            "session_close": "2000", "settlement_date": f"{day + timedelta(days=1):%Y-%m-%d}"}  # fmt: skip


def _assets(venue: Venue, query: dict, parts: tuple) -> Reply:
    return 200, list(venue.assets.values())


def _asset(venue: Venue, query: dict, parts: tuple) -> Reply:
    asset = venue.asset(parts[1].replace("%2F", "/"))
    return (200, asset) if asset else (404, {"code": 40410000, "message": f"asset not found for {parts[1]}"})


_READS = {
    ("account", 1): _account,
    ("positions", 1): _positions,
    ("orders", 1): _orders,
    ("orders:by_client_order_id", 1): _by_client_id,
    ("orders", 2): _by_id,
    ("clock", 1): _clock,
    ("calendar", 1): _calendar,
    ("assets", 1): _assets,
    ("assets", 2): _asset,
}
