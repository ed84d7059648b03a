"""What Alpaca books without an order: fees by the day, dividends, interest, money that comes and goes."""

from datetime import UTC, date, datetime

from openbell.brokers.alpaca.rows import Row, decimal_of, instant_of, pair, text_of
from openbell.errors import BrokerError
from openbell.values.breaks import Activity, NonTrade
from openbell.values.money import ZERO

#: Our kinds by Alpaca's types; what is of another type waits for a person.
KINDS = {
    "FEE": NonTrade.FEE,
    "CFEE": NonTrade.FEE,
    "PTC": NonTrade.FEE,
    "DIV": NonTrade.DIVIDEND,
    "DIVCGL": NonTrade.DIVIDEND,
    "DIVCGS": NonTrade.DIVIDEND,
    "DIVNRA": NonTrade.DIVIDEND,
    "DIVROC": NonTrade.DIVIDEND,
    "DIVTXEX": NonTrade.DIVIDEND,
    "DIVFEE": NonTrade.DIVIDEND,
    "INT": NonTrade.INTEREST,
    "INTNRA": NonTrade.INTEREST,
    "CSD": NonTrade.DEPOSIT,
    "CSW": NonTrade.WITHDRAWAL,
}
#: The type whose rows may be in a coin instead of in cash.
_IN_KIND = "CFEE"


def activity_of(row: Row) -> Activity | None:
    """What a row says; None for one that is not done, moves nothing, or is of a type that we do not take."""
    kind = KINDS.get(str(row.get("activity_type")))
    if kind is None or row.get("status", "executed") != "executed":
        return None
    cash, symbol = decimal_of(row, "net_amount", ZERO), row.get("symbol")
    coin = pair(symbol) if row.get("activity_type") == _IN_KIND and isinstance(symbol, str) and symbol else ""
    quantity = decimal_of(row, "qty", ZERO) if "/" in coin and not cash else ZERO
    if not (cash or quantity):
        return None
    return Activity(text_of(row, "id"), kind, _time(row), cash, coin if quantity else "", quantity, _words(row))


def _time(row: Row) -> datetime:
    """Most of these rows have a date and no time."""
    if row.get("date") is None:
        return instant_of(row, "transaction_time")
    try:
        day = date.fromisoformat(text_of(row, "date")[:10])
    except ValueError:
        raise BrokerError(f"alpaca: date {row['date']!r} of an activity is not a date") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _words(row: Row) -> str:
    told = " ".join(str(row.get(name) or "") for name in ("activity_type", "description"))
    return "".join(char if char.isprintable() else " " for char in told[:200]).strip()
