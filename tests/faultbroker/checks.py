"""Why the venue refuses an order: status, code and text as Alpaca answers them."""

from decimal import Decimal, InvalidOperation

import legs

TYPES = {"market": (), "limit": ("limit_price",), "stop": ("stop_price",), "stop_limit": ("stop_price", "limit_price"),
         "trailing_stop": ("trail_price",)}  # fmt: skip
TERMS = ("day", "gtc", "ioc", "fok", "opg", "cls")
PRICES = ("limit_price", "stop_price", "trail_price")
Refusal = tuple[int, int, str]


def refusal(venue, ask: dict) -> Refusal | None:
    """The first reason against an order, or None."""
    return next((found for check in _CHECKS if (found := check(venue, ask)) is not None), None)


def number(value: object) -> Decimal | None:
    """A number as Alpaca reads it, or None; a JSON float is taken at its text."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _shape(venue, ask: dict) -> Refusal | None:
    if ask.get("type") not in TYPES:
        return 422, 40010001, "type is required"
    if ask.get("side") not in ("buy", "sell") or ask.get("time_in_force") not in TERMS:
        return 422, 40010001, "side and time_in_force are required"
    if any(
        number(legs.limit_of(ask) if name == "limit_price" else ask.get(name)) is None for name in TYPES[ask["type"]]
    ):
        return 422, 40010001, f"{ask['type']} orders require {' and '.join(TYPES[ask['type']])}"
    if len(str(ask.get("client_order_id", ""))) > 128:
        return 422, 40010001, "client_order_id must be no more than 128 characters"
    return None


def _duplicate(venue, ask: dict) -> Refusal | None:
    if venue.unique_ids and venue.by_client_id(ask.get("client_order_id")) is not None:
        return 422, 40010001, "client_order_id must be unique"
    return None


def _blocked(venue, ask: dict) -> Refusal | None:
    if any(venue.flags[name] for name in ("trading_blocked", "account_blocked")):
        return 403, 40310000, "account is not allowed to trade"
    if venue.flags["trade_suspended_by_user"]:
        return 403, 40310000, "new orders are rejected by user request"
    return None


def _asset(venue, ask: dict) -> Refusal | None:
    asset = venue.asset(ask.get("symbol", ""))
    if asset is None:
        return 422, 42210000, f'asset "{ask.get("symbol")}" not found'
    if not asset["tradable"] or asset["status"] != "active":
        return 422, 42210000, f'asset "{ask["symbol"]}" is not tradable'
    return None


def _quantity(venue, ask: dict) -> Refusal | None:
    quantity = number(ask.get("qty"))
    if quantity is None or quantity <= 0:
        return 422, 40010001, "qty must be a positive number"
    if -quantity.as_tuple().exponent > 9:
        return 422, 42210000, "qty must be limited to 9 decimal places"
    if "/" in ask["symbol"]:
        return _coin(venue.asset(ask["symbol"]), ask, quantity)
    if quantity % 1 == 0:
        return None
    if not venue.asset(ask["symbol"]).get("fractionable"):
        return 403, 40310000, f"asset {ask['symbol']} is not fractionable"
    if ask["time_in_force"] != "day":
        return 422, 42210000, "fractional orders must be DAY orders"
    return None


def _coin(asset: dict, ask: dict, quantity: Decimal) -> Refusal | None:
    """Coins go at once or last, in the steps of their asset."""
    if ask["time_in_force"] not in ("gtc", "ioc"):
        return 422, 42210000, "invalid crypto time_in_force"
    if quantity < Decimal(asset.get("min_order_size", 0)):
        return 403, 40310000, f"minimal qty of an order is {asset['min_order_size']}"
    if quantity % Decimal(asset.get("min_trade_increment", "0.000000001")):
        return 422, 42210000, f"qty increment must be {asset['min_trade_increment']}"
    return None


def _ticks(venue, ask: dict) -> Refusal | None:
    prices = {name: ask.get(name) for name in PRICES}
    for leg, (_, name) in legs.LEGS.items():
        prices[f"{leg}.{name}"] = ask.get(leg, {}).get(name)
    for name, given in prices.items():
        price = number(given)
        if price is not None and price % (Decimal("0.01") if price >= 1 else Decimal("0.0001")):
            return (
                422,
                42210000,
                f"invalid {name} {price}. sub-penny increment does not fulfill minimum pricing",
            )
    return None


def _shares(venue, ask: dict) -> Refusal | None:
    """Shares behind open orders are spoken for; an order closes or opens, never both."""
    quantity, held = Decimal(str(ask["qty"])), venue.held(ask["symbol"])
    sign = 1 if ask["side"] == "buy" else -1
    if held * sign >= 0:
        if sign < 0 and not venue.shorting:
            return 403, 40310000, "account is not allowed to short"
        if sign < 0 and quantity % 1:
            return 422, 42210000, "fractional orders cannot be sold short"
        return None
    working = [o for o in venue.open_orders(ask["symbol"]) if o["status"] != "held"]
    spoken = sum(o["_qty"] - o["_filled"] for o in working if o["side"] == ask["side"])
    available = abs(held) - spoken
    if quantity > available:
        return 403, 40310000, f"insufficient qty available for order (requested: {quantity}, available: {available})"
    return None


def _wash(venue, ask: dict) -> Refusal | None:
    """Brackets and their like are exempt."""
    simple = [order for order in venue.open_orders(ask["symbol"]) if order["order_class"] in ("", "simple")]
    for order in simple if ask.get("order_class", "simple") == "simple" else ():
        if order["side"] != ask["side"] and "trailing_stop" not in (order["type"], ask["type"]) and _meet(order, ask):
            return 403, 40310000, f"potential wash trade detected. opposite side order {order['id']} exists"
    return None


def _meet(order: dict, ask: dict) -> bool:
    theirs, ours = number(order["limit_price"]), number(ask.get("limit_price"))
    if theirs is None or ours is None:
        return True
    return ours >= theirs if ask["side"] == "buy" else ours <= theirs


def _power(venue, ask: dict) -> Refusal | None:
    sign = 1 if ask["side"] == "buy" else -1
    if venue.held(ask["symbol"]) * sign < 0:
        return None
    cost = Decimal(str(ask["qty"])) * venue.worth(ask)
    power = venue.buying_power()
    if cost > power:
        return 403, 40310000, f"insufficient buying power (buying_power: {power}, cost_basis: {cost})"
    return None


_CHECKS = (_shape, _duplicate, _blocked, _asset, _quantity, _ticks, legs.refusal, _shares, _wash, _power)
