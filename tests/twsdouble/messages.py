"""What the server says, field by field in the order of the protocol's version 176."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.twsdouble.orders import Placed
from tests.twsdouble.wire import UNSET, frame

ZONE = "US/Eastern"
NO_PRICE = "1.7976931348623157E308"


def stamp(instant: float, zone: str = ZONE) -> str:
    """An instant as executions and completed orders carry it."""
    return datetime.fromtimestamp(instant, ZoneInfo(zone)).strftime(f"%Y%m%d %H:%M:%S {zone}")


def dashed(instant: float) -> str:
    """The same where the gateway is set to send times in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y%m%d-%H:%M:%S")


def connected(version: int) -> bytes:
    return frame(version, datetime.now(UTC).strftime("%Y%m%d %H:%M:%S UTC"))


def error(number: int, code: int, words: str) -> bytes:
    return frame(4, 2, number, code, words, "")


def contract_fields(order: Placed) -> list:
    return [order.con_id, order.symbol, "STK", "", 0, "?", "", order.exchange or "SMART", order.currency]


def open_order(order: Placed) -> bytes:
    head = [5, order.order_id, *contract_fields(order), order.symbol, "NMS"]
    terms = [order.action, order.quantity, order.type, _price(order.limit), _price(order.aux), order.tif, order.oca]
    owner = [order.account, "", 0, order.ref, order.client, order.perm_id, order.outside, 0, 0, ""]
    shares = ["", "", "", "", "", "", "", "", "", "", 0, "", -1, 0]
    ranges = ["", "", "", "", "", 0, 0, 0, 0, "", 3 if order.oca else 0, 0, 0, "", order.parent, 0, "", 0, "", ""]
    stops = [0, 0, order.mark, "", "", "", "", 0, 0, 0, "", "", "", "", 0, "", "", 0, 0, "", 0, 0]
    margins = [order.told, *[NO_PRICE] * 9, "", "", "", "", "", 0, 0, 0]
    adjusted = ["None", NO_PRICE, order.mark, NO_PRICE, NO_PRICE, NO_PRICE, NO_PRICE, 0, "", "", "", 0, 0, 0, 0, 0]
    return frame(*head, *terms, *owner, *shares, *ranges, *stops, *margins, *adjusted, UNSET, UNSET, 0, *[""] * 5)


def order_status(order: Placed) -> bytes:
    amounts = [order.filled, order.remaining, order.average, order.perm_id, order.parent, order.average]
    return frame(3, order.order_id, order.told, *amounts, order.client, order.why, 0)


def completed_order(order: Placed, nothing: object = 0) -> bytes:
    """Order id and client id are not told, and the quantity of a filled order is 0.

    ``nothing`` is what stands for a filled quantity that there is none of.
    """
    quantity = 0 if order.status == "Filled" else order.quantity
    head = [101, *contract_fields(order), order.symbol, "NMS"]
    terms = [order.action, quantity, order.type, _price(order.limit), _price(order.aux), order.tif, order.oca]
    owner = [order.account, "", 0, order.ref, order.perm_id, order.outside, 0, 0, ""]
    shares = ["", "", "", "", "", "", "", "", "", 0, "", -1]
    ranges = ["", "", "", "", "", 0, 0, 0, "", 0, 0, "", 0, "", ""]
    stops = [0, 0, order.mark, "", "", 0, 0, 0, "", "", "", "", "", "", 0, 0, "", 0]
    tail = [order.status, 0, 0, 0, order.mark, "", 0, 0, 0, "", order.filled or nothing, 0, 0, "", 0, 0, 0]
    return frame(
        *head, *terms, *owner, *shares, *ranges, *stops, *tail, order.completed_time, order.completed, *[""] * 5
    )


def execution(order: Placed, made: dict, request: int = -1) -> bytes:
    head = [11, request, order.order_id, *contract_fields(order), order.symbol, "NMS", made["id"], made["stamp"]]
    side = "BOT" if order.action == "BUY" else "SLD"
    amounts = [made["shares"], made["price"], order.perm_id, order.client, 0, made["cumulative"], made["average"]]
    return frame(*head, order.account, "NASDAQ", side, *amounts, order.ref, "", "", "", 1)


def commission(made: dict) -> bytes:
    return frame(59, 1, made["id"], made["fee"], "USD", NO_PRICE, NO_PRICE, "")


def contract_details(request: int, listing: dict, hours: str) -> bytes:
    exchanges = f"SMART,{listing['primary']},NYSE,ARCA" if listing["smart"] else listing["primary"]
    kinds = "ACTIVETIM,AD,ADJUST,ALERT,DAY,GTC,IOC,LMT,MKT,STP,STP LMT,TRAIL"
    head = [10, request, listing["symbol"], "STK", "", 0, "", "SMART" if listing["smart"] else listing["primary"]]
    name = [listing["currency"], listing["symbol"], "NMS", "NMS", listing["con_id"], listing["tick"]]
    facts = ["", kinds, exchanges, 1, 0, listing["symbol"], listing["primary"], "", "", "", "", listing["zone"]]
    return frame(*head, *name, *facts, hours, hours, "", 0, 0, 1, "", "", "26", "", "COMMON", "0.0001", "0.0001", 100)


def position(account: str, listing: dict, quantity: Decimal, cost: Decimal) -> bytes:
    """The contract names the listing exchange, as the real one does."""
    what = [listing["con_id"], listing["symbol"], "STK", "", 0, "", "", listing["primary"], listing["currency"]]
    return frame(61, 3, account, *what, listing["symbol"], "NMS", quantity, cost)


def portfolio(account: str, listing: dict, quantity: Decimal, cost: Decimal, price: Decimal) -> bytes:
    what = [listing["con_id"], listing["symbol"], "STK", "", 0, "0", "", listing["primary"], listing["currency"]]
    worth = [quantity, price, quantity * price, cost, (price - cost) * quantity, 0, account]
    return frame(7, 8, *what, listing["symbol"], "NMS", *worth)


def history(request: int, bars: list, start: str, end: str) -> bytes:
    return frame(17, request, start, end, len(bars), *[field for bar in bars for field in bar])


def _price(price: Decimal | None) -> object:
    return 0 if price is None else price
