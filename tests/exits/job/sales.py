"""What an exits job sent, and what is held after it."""

from decimal import Decimal

from tests.exits.job.conftest import THREE

LOW, HIGH = Decimal(89), Decimal(121)
ALL = len(THREE)


def quantities(wire):
    return {symbol: held.quantity for symbol, held in wire.paper.account().positions.items() if held.quantity}


def sent(desk):
    """(symbol, side, state) of all orders after the entries."""
    rows = desk.history.orders(limit=1000)
    return [(row.symbol, row.side, row.state.value) for row in rows if row.purpose == "exit"]


def alerts(desk):
    return {(alert.kind, alert.subject) for alert in desk.history.alerts()}
