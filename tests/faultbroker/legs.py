"""Orders that stand or fall together: brackets (bracket, OTO) and OCO, with the refusals that Alpaca has for them."""

from decimal import Decimal
from typing import Any

LEGS = {"take_profit": ("limit", "limit_price"), "stop_loss": ("stop", "stop_price")}
NEEDS = {"bracket": ("take_profit", "stop_loss"), "oco": ("take_profit", "stop_loss"), "oto": ()}
Refusal = tuple[int, int, str]


def refusal(venue: Any, ask: dict) -> Refusal | None:
    """Why the legs, or the hours, of an order are refused."""
    if ask.get("extended_hours") and (ask["type"] != "limit" or ask["time_in_force"] not in ("day", "gtc")):
        return 422, 42210000, "extended hours order must be DAY or GTC limit orders"
    kind = ask.get("order_class") or "simple"
    if kind == "simple":
        return (422, 40010001, "legs need an order_class") if set(LEGS) & set(ask) else None
    if kind not in NEEDS:
        return 422, 40010001, f"invalid order_class: {kind}"
    missing = [name for name in NEEDS[kind] if name not in ask]
    if missing or not set(LEGS) & set(ask):
        return 422, 40010001, f"{kind} orders require {' and '.join(missing) or 'a leg'}"
    return _shape(ask, kind) or _place(venue, ask, kind)


def _shape(ask: dict, kind: str) -> Refusal | None:
    if Decimal(str(ask["qty"])) % 1:
        return 422, 42210000, "fractional orders must be simple orders"
    if ask["time_in_force"] not in ("day", "gtc") or ask.get("extended_hours"):
        return 422, 42210000, f"{kind} orders must be DAY or GTC orders in regular hours"
    if kind == "oco" and ask["type"] != "limit":
        return 422, 42210000, "oco orders must be limit orders"
    if kind != "oco" and ask["type"] not in ("market", "limit"):
        return 422, 42210000, f"{kind} orders must be market or limit orders"
    return None


def _place(venue: Any, ask: dict, kind: str) -> Refusal | None:
    sign = 1 if ask["side"] == "buy" else -1
    held = venue.held(ask["symbol"]) * sign
    if kind == "oco":
        return None if held < 0 else (422, 42210000, "oco orders must be exit orders")
    if held < 0:
        return 422, 42210000, "bracket orders must be entry orders"
    base = Decimal(str(ask.get("limit_price") or venue.quotes[ask["symbol"]][0]))
    for name, way in (("take_profit", sign), ("stop_loss", -sign)):
        price = ask.get(name, {}).get(LEGS[name][1])
        if price is not None and (Decimal(str(price)) - base) * way < Decimal("0.01"):
            return 422, 42210000, f"{name} must be {'>=' if way > 0 else '<='} base_price {base} by 0.01"
    return None


def limit_of(ask: dict) -> object:
    """The limit of an order; that of an OCO stands in its leg."""
    return ask.get("take_profit", {}).get("limit_price") if ask.get("order_class") == "oco" else ask.get("limit_price")


def attach(venue: Any, parent: dict, ask: dict) -> None:
    """Make the legs of an order; those of an entry sleep until it has filled whole."""
    oco = ask.get("order_class") == "oco"
    legs = [
        _leg(venue, parent, LEGS[name][0], {LEGS[name][1]: str(ask[name][LEGS[name][1]])}, asleep=not oco)
        for name in LEGS
        if name in ask and not (oco and name == "take_profit")
    ]
    parent["_kin"] = legs
    for leg in legs:
        leg["_kin"] = [parent, *(other for other in legs if other is not leg)]
    venue.orders += legs


def _leg(venue: Any, parent: dict, kind: str, prices: dict, asleep: bool) -> dict:
    side = parent["side"] if parent["order_class"] == "oco" else {"buy": "sell", "sell": "buy"}[parent["side"]]
    terms = {"symbol": parent["symbol"], "side": side, "qty": parent["qty"], "type": kind}
    leg = venue.order(terms | prices | {"time_in_force": parent["time_in_force"]})
    leg.update(status="held", order_class=parent["order_class"], _asleep=asleep, _parent=parent)
    return leg


def moved(venue: Any, order: dict) -> None:
    """What a change of one order does to its kin."""
    status, kin = order["status"], order.get("_kin", [])
    entry = "_parent" not in order and order["order_class"] in ("bracket", "oto")
    if entry and status == "filled":
        for leg in kin:
            leg["_asleep"] = False
            if leg["type"] == "limit":
                venue.move(leg, "new")
    elif status in ("filled", "canceled", "expired", "rejected"):
        for other in kin:
            if other["status"] in ("new", "held", "accepted", "partially_filled"):
                venue.move(other, "canceled")
