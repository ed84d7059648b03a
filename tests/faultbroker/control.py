"""The levers of the fault broker, under ``/_control/``; a trader never calls them."""

from decimal import Decimal
from typing import Any

from faults import Script
from venue import Venue, shown

_NUMBERS = ("cash", "multiplier", "share")
_PLAIN = ("is_open", "shorting", "lag", "offset", "frozen", "account_number", "account_status", "unique_ids",
          "subscribed")  # fmt: skip


def pull(venue: Venue, script: Script, lever: str, body: Any) -> tuple[int, Any]:
    """Do what a lever says; unknown levers are 404, unknown settings 400."""
    if lever not in _LEVERS:
        return 404, {"message": f"no lever {lever!r}; there are {', '.join(sorted(_LEVERS))}"}
    try:
        return 200, _LEVERS[lever](venue, script, body)
    except (KeyError, ValueError, TypeError) as error:
        return 400, {"message": f"{type(error).__name__}: {error}"}


def _orders(venue: Venue, script: Script, body: Any) -> list[dict]:
    venue.advance()
    return [shown(order) for order in venue.orders]


def _faults(venue: Venue, script: Script, body: list[dict]) -> None:
    script.clear() if not body else script.add(body)


def _plan(venue: Venue, script: Script, body: list[dict]) -> None:
    venue.plans = venue.plans + body if body else []


def _quote(venue: Venue, script: Script, body: dict) -> None:
    venue.quote(body["symbol"], Decimal(body["bid"]), Decimal(body["ask"]))


def _bars(venue: Venue, script: Script, body: list[dict]) -> None:
    """Rows as Alpaca writes them, which replace those of the symbol and timeframe; times must rise."""
    for given in body:
        venue.bars[given["symbol"], given["timeframe"]] = given["rows"]


def _set(venue: Venue, script: Script, body: dict) -> None:
    for name, value in body.items():
        if name in _NUMBERS:
            setattr(venue, name, Decimal(str(value)))
        elif name in _PLAIN:
            setattr(venue, name, value)
        elif name in venue.flags:
            venue.flags[name] = value
        else:
            raise KeyError(name)
    venue.advance()


def _advance(venue: Venue, script: Script, body: dict) -> None:
    venue.offset += body["seconds"]
    venue.advance()


def _asset(venue: Venue, script: Script, body: dict) -> None:
    """Change facts of an asset; a fact set to null is left out of the answers."""
    asset = venue.assets[body["symbol"]]
    for name, value in body.items():
        asset.pop(name, None)
        if value is not None:
            asset[name] = value


def _fill(venue: Venue, script: Script, body: dict) -> None:
    order = _order(venue, body)
    venue.fill(order, Decimal(str(body["qty"])), Decimal(str(body.get("price") or venue.touch(order))))


def _status(venue: Venue, script: Script, body: dict) -> None:
    venue.move(_order(venue, body), body["status"])


def _bust(venue: Venue, script: Script, body: dict) -> dict:
    return venue.bust(next(row for row in venue.activities if row["id"] == body["id"]))


def _order(venue: Venue, body: dict) -> dict:
    found = venue.by_client_id(body["client_order_id"])
    if found is None:
        raise KeyError(body["client_order_id"])
    return found


_LEVERS = {
    "orders": _orders,
    "faults": _faults,
    "plan": _plan,
    "quote": _quote,
    "bars": _bars,
    "set": _set,
    "advance": _advance,
    "asset": _asset,
    "fill": _fill,
    "status": _status,
    "bust": _bust,
}
