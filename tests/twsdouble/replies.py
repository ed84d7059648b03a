"""What each message of a client is answered with."""

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.twsdouble import feed, messages
from tests.twsdouble.orders import Placed, read_order
from tests.twsdouble.wire import Fields

if TYPE_CHECKING:
    from tests.twsdouble.session import Session

READ_ONLY = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode."


def start(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    server, client = session.server, fields.number()
    if "error" in fault or any(other.client == client and other is not session for other in server.sessions):
        code = fault.get("error", [326, "Unable to connect as the client id is already in use. Retry with another."])
        session.error(-1, *code)
        session.later(0.02, session.cut)
        return
    session.client, session.started = client, True
    session.send(15, 1, ",".join(server.venue.settings["accounts"]))
    session.send(9, 1, server.next_id(client))
    if not server.severed:
        session.error(-1, 2104, "Market data farm connection is OK:usfarm")
        session.error(-1, 2106, "HMDS data farm connection is OK:ushmds")
    else:
        session.error(-1, 1100, "Connectivity between IB and Trader Workstation has been lost.")


# --- orders --------------------------------------------------------------------------------------------------


def place(session: "Session", fields: Fields, fault: dict) -> None:
    server, order = session.server, read_order(fields, session.client)
    if server.read_only:
        session.error(order.order_id, 321, READ_ONLY)
        return
    known = server.order_of(session.client, order.order_id)
    if known is not None and not known.ended:
        server.ledger.write("modify", ref=order.ref, order_id=order.order_id)
        server.venue.modify(known, order)
        return
    if order.order_id < server.next_id(session.client):
        session.error(order.order_id, 103, "Duplicate order id")
        return
    server.used(session.client, order.order_id)
    if not order.transmit:
        server.waiting.append(order)
        return
    refused = fault.get("error") or server.venue.refusal(order)
    if refused:
        _refuse(session, order, refused, fault)
        return
    family = {order.parent} if order.parent else set()
    for other in [
        each for each in server.waiting if {each.order_id, each.parent} & family and each.client == order.client
    ]:
        server.waiting.remove(other)
        if (other_refused := server.venue.refusal(other)) is not None:
            _refuse(session, other, other_refused, {})
            return
        _take(session, other, fault)
    _take(session, order, fault)


def _refuse(session: "Session", order: Placed, refused: tuple[int, str], fault: dict) -> None:
    session.server.ledger.write("refused", ref=order.ref, code=refused[0])
    if fault.get("keep"):
        order.perm_id, order.completed_time = 1_700_000_001, messages.stamp(session.server.venue.now())
        order.status, order.completed = fault.get("status", "Inactive"), f"Rejected: {refused[1]}"
        session.server.venue.orders.append(order)
    session.error(order.order_id, *refused)
    if fault.get("status"):
        order.status = fault["status"]
        session.tell("status", order, None)


def _take(session: "Session", order: Placed, fault: dict) -> None:
    server = session.server
    order.hidden = "unseen" in fault
    order.mute = bool(fault.get("mute") or "delay" in fault or order.hidden)
    order.frozen = bool(fault.get("frozen") or order.hidden)
    server.ledger.write("order", ref=order.ref, symbol=order.symbol, action=order.action, quantity=str(order.quantity))
    # Notices come before and after the status; the second one is what misleads the SDK for good.
    if "notice" in fault:
        session.error(order.order_id, *fault["notice"])
    server.venue.take(order)
    if "notice" in fault:
        session.error(order.order_id, *fault["notice"])
    if order.held_back:
        session.error(order.order_id, 399, "Order Message: your order will not be placed at the exchange until 09:30")
    if "delay" in fault:
        session.later(fault["delay"], server.unmute, order)
    if "unseen" in fault:
        session.later(fault["unseen"], server.reveal, order, bool(fault.get("frozen")))
    if "then" in fault:
        seconds, code, words = fault["then"]
        session.later(seconds, reject_later, session, order, code, words)


def reject_later(session: "Session", order: Placed, code: int, words: str) -> None:
    """An order that was acknowledged is refused after all."""
    if not order.ended:
        session.error(order.order_id, code, words)
        session.server.venue.end(order, "Inactive", f"Rejected: {words}")


def cancel(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    server, number = session.server, fields.number()
    order = server.order_of(session.client, number)
    if "error" in fault:
        session.error(number, *fault["error"])
    elif order is None:
        session.error(number, 10147, f"OrderId {number} that needs to be cancelled is not found.")
    elif order.ended:
        session.error(
            number, 10148, f"OrderId {number} that needs to be cancelled cannot be cancelled, state: {order.status}."
        )
    else:
        server.ledger.write("cancel", ref=order.ref)
        order.mute = order.mute or bool(fault.get("mute"))
        server.venue.cancel(order, slowly=bool(fault.get("pending")))


def _listed(session: "Session", orders: list[Placed], fault: dict) -> None:
    if session.server.read_only and session.server.read_only != "orders":
        session.error(-1, 321, READ_ONLY)
        return
    shown = [] if fault.get("empty") else [o for o in orders if not o.hidden and not o.ended]
    for order in (shown * (2 if fault.get("twice") else 1))[: fault.get("partly", 2 * len(shown))]:
        session.send_raw(messages.open_order(order))
        if not fault.get("terse"):
            session.send_raw(messages.order_status(order))
    if "partly" not in fault:
        session.send(53, 1)


def open_orders(session: "Session", fields: Fields, fault: dict) -> None:
    _listed(session, [order for order in session.server.venue.orders if order.client == session.client], fault)


def all_open_orders(session: "Session", fields: Fields, fault: dict) -> None:
    _listed(session, session.server.venue.orders, fault)


def completed_orders(session: "Session", fields: Fields, fault: dict) -> None:
    forgotten = session.server.venue.forgotten
    for order in session.server.venue.orders:
        if order.ended and not order.hidden and f"completed {order.ref}" not in forgotten and not fault.get("empty"):
            session.send_raw(messages.completed_order(order, fault.get("nothing", 0)))
    session.send(102)


def executions(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    request, venue = fields.number(), session.server.venue
    client, account = fields.number(), fields.word()
    made = [] if fault.get("empty") else venue.executions
    for order, each in made[: fault.get("partly", len(made))]:
        if each["id"] in venue.forgotten or (client and order.client != client) or account not in ("", order.account):
            continue
        told = {"stamp": messages.stamp(each["time"], "UTC").replace("UTC", fault["zone"])} if "zone" in fault else {}
        told |= {"stamp": messages.dashed(each["time"])} if fault.get("dashed") else {}
        shown = each | told
        session.send_raw(messages.execution(order, shown, request))
        if venue.settings["commissions"]:
            session.send_raw(messages.commission(each))
    if "partly" not in fault:
        session.send(55, 1, request)


# --- the account ---------------------------------------------------------------------------------------------


def _values(session: "Session") -> dict[str, Decimal | str]:
    venue = session.server.venue
    return {
        "AccountReady": "true",
        "AccountType": "INDIVIDUAL",
        "AvailableFunds": venue.cash - venue.reserved(),
        "BuyingPower": venue.buying_power(),
        "GrossPositionValue": venue.gross(),
        "NetLiquidation": venue.net(),
        "TotalCashValue": venue.cash,
    }


def _currency(session: "Session", tag: str) -> str:
    return "" if tag.startswith("Account") else str(session.server.venue.settings["currency"])


def account_updates(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    subscribe, account = fields.flag(), fields.word() or session.server.venue.account
    if not subscribe:
        return
    if "error" in fault:
        session.error(-1, *fault["error"])
        return
    for tag, value in _values(session).items():
        if not (fault.get("empty") and tag == "TotalCashValue"):
            session.send(6, 2, tag, value, _currency(session, tag), account)
    for symbol, (held, cost) in session.server.venue.holdings.items():
        listing = session.server.venue.find(symbol=symbol)[0]
        session.send_raw(messages.portfolio(account, listing, held, cost, session.server.venue.price(symbol)))
    session.send(8, 1, time.strftime("%H:%M"))
    session.send(54, 1, account)


def account_updates_multi(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    request, account = fields.number(), fields.word() or session.server.venue.account
    for tag, value in _values(session).items():
        session.send(73, 1, request, account, "", tag, value, _currency(session, tag))
    session.send(74, 1, request)


def account_summary(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    request, _, tags = fields.number(), fields.word(), fields.word()
    for tag, value in _values(session).items():
        if tag in tags.split(",") and not fault.get("empty"):
            session.send(63, 1, request, session.server.venue.account, tag, value, _currency(session, tag))
    session.send(64, 1, request)


def positions(session: "Session", fields: Fields, fault: dict) -> None:
    venue = session.server.venue
    held = [] if fault.get("empty") else list(venue.holdings.items())
    for symbol, (quantity, cost) in held[: fault.get("partly", len(held))]:
        session.send_raw(messages.position(venue.account, venue.find(symbol=symbol)[0], quantity, cost))
    if "partly" not in fault:
        session.send(62, 1)


# --- facts ---------------------------------------------------------------------------------------------------


def contract_details(session: "Session", fields: Fields, fault: dict) -> None:
    fields.word()
    request, wanted = fields.number(), fields.contract()
    found = session.server.venue.find(int(wanted["con_id"] or 0), wanted["symbol"], wanted["currency"])
    if wanted["primary"]:
        found = [known for known in found if known["primary"] == wanted["primary"]]
    if "error" in fault or not found:
        session.error(request, *fault.get("error", [200, "No security definition has been found for the request"]))
        return
    for listing in found:
        session.send_raw(messages.contract_details(request, listing, feed.hours(session.server.venue, listing)))
    session.send(52, 1, request)


def current_time(session: "Session", fields: Fields, fault: dict) -> None:
    session.send(49, 1, int(session.server.venue.now()))


def ids(session: "Session", fields: Fields, fault: dict) -> None:
    session.send(9, 1, session.server.next_id(session.client))


def accounts(session: "Session", fields: Fields, fault: dict) -> None:
    session.send(15, 1, ",".join(session.server.venue.settings["accounts"]))


def market_rule(session: "Session", fields: Fields, fault: dict) -> None:
    session.send(93, fields.number(), 2, 0, "0.0001", 1, "0.01")


def nothing(session: "Session", fields: Fields, fault: dict) -> None:
    """Taken without an answer."""


REPLIES = {
    "startApi": start, "placeOrder": place, "cancelOrder": cancel, "openOrders": open_orders,
    "allOpenOrders": all_open_orders, "completedOrders": completed_orders, "executions": executions,
    "accountUpdates": account_updates, "accountUpdatesMulti": account_updates_multi, "accountSummary": account_summary,
    "positions": positions, "contractDetails": contract_details, "currentTime": current_time, "ids": ids,
    "managedAccounts": accounts, "marketRule": market_rule, "marketData": feed.market_data,
    "cancelMarketData": feed.cancel_market_data, "marketDataType": feed.market_data_type, "history": feed.history,
    "cancelHistory": nothing, "cancelPositions": nothing, "cancelAccountSummary": nothing,
    "cancelAccountUpdatesMulti": nothing, "autoOpenOrders": nothing,
}  # fmt: skip
