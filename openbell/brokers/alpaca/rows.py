"""Alpaca's rows as values. A missing or unreadable field that matters is a BrokerError that names it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from openbell.errors import BrokerError, InputError
from openbell.values.account import Account, Position
from openbell.values.money import ZERO, to_decimal
from openbell.values.orders import Fill, Order, OrderState, OrderType, Side, TimeInForce

Row = Mapping[str, Any]
_E = TypeVar("_E", OrderType, TimeInForce)

#: Statuses of an order that is alive at the venue: acknowledged, or partly filled when anything is.
_ALIVE = frozenset(
    {"new", "accepted", "pending_new", "accepted_for_bidding", "pending_review", "held", "partially_filled"}
    | {"done_for_day", "stopped", "suspended", "calculated", "pending_replace"}
)
_STATES = {
    "pending_cancel": OrderState.PENDING_CANCEL,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "replaced": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
#: Currencies that the name of a held coin ends in; it is held as BTCUSD and ordered as BTC/USD.
_QUOTED_IN = ("USDT", "USDC", "USD", "BTC")
#: Stands for the symbol of an order that has none of its own; it is written as one, since prices are asked for.
NO_SYMBOL = "MULTI.LEG"
#: Ten times the money that equity less cash may differ from what is held.
_UNTOLD = Decimal(10)
_FLAGS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
#: Kinds of rows about executions: what brings one, and what takes one back.
_EXECUTIONS = frozenset({"fill", "partial_fill", "trade_correct"})
_TAKEN_BACK = frozenset({"trade_bust", "trade_correct"})
#: Where such a row names what it is about.
_PREVIOUS = ("previous_id", "previous_execution_id")
CLASSES = {"us_equity": "equity", "crypto": "crypto"}


def order_of(row: Row) -> Order:
    """An order; a status, type, term or size that we cannot read makes its state UNKNOWN, with the word named."""
    strange, whole = _strange(row), not _several(row)
    filled = decimal_of(row, "filled_qty", ZERO)
    kind = _word(OrderType, row.get("type") or row.get("order_type"), OrderType.MARKET)
    return Order(
        client_id=text_of(row, "client_order_id"),
        # An order of several legs has neither a symbol nor a side of its own.
        symbol=text_of(row, "symbol") if whole else NO_SYMBOL,
        side=side_of(row) if whole else Side.BUY,
        # A notional order has no quantity until it has filled; its state is UNKNOWN, so that nobody counts on 0.
        quantity=filled if not whole or row.get("qty") is None else decimal_of(row, "qty"),
        type=kind,
        state=OrderState.UNKNOWN if strange else _state(row, filled),
        updated=_latest(row),
        filled=filled,
        average_price=None if row.get("filled_avg_price") is None else decimal_of(row, "filled_avg_price"),
        broker_id=text_of(row, "id"),
        limit_price=_price(row, "limit_price"),
        # A trailing stop shows where its stop is at present; that is not part of the order.
        stop_price=None if kind is OrderType.TRAILING_STOP else _price(row, "stop_price"),
        trail=_price(row, "trail_price"),
        time_in_force=_word(TimeInForce, row.get("time_in_force"), TimeInForce.DAY),
        reason=strange or _reason(row),
    )


def _state(row: Row, filled: Decimal) -> OrderState:
    status = row["status"]
    if status in _ALIVE:
        return OrderState.PARTIAL if filled else OrderState.ACKED
    return _STATES[status]


def _strange(row: Row) -> str:
    """What of an order we cannot read, in words."""
    status, term = str(row.get("status")), row.get("time_in_force")
    kind = str(row.get("type") or row.get("order_type"))
    # Orders placed by hand may have terms that we never send; alone they do not make an order unreadable.
    if status not in _ALIVE | set(_STATES):
        return f"status {status[:40]!r} is not known"
    if kind not in set(OrderType) and status in _ALIVE:
        return f"type {kind[:40]!r} is not known"
    if _several(row):
        return "an order of several legs has no symbol of its own"
    if not isinstance(term, str):
        return f"time_in_force {str(term)[:40]!r} is not known"
    if row.get("qty") is None and status in _ALIVE | {"pending_cancel"}:
        return f"a notional order of {str(row.get('notional'))[:40]}: its quantity is not known yet"
    return ""


def _several(row: Row) -> bool:
    return row.get("order_class") == "mleg" and not row.get("symbol")


def _reason(row: Row) -> str:
    if row["status"] == "replaced":
        return f"replaced by order {row.get('replaced_by')}"
    told = row.get("reject_reason")
    return str(told)[:200] if told else ""


def side_of(row: Row) -> Side:
    """Buy or sell; ``sell_short`` and ``buy_minus`` and their like are sells and buys."""
    word = text_of(row, "side").split("_")[0]
    if word not in set(Side):
        raise BrokerError(f"alpaca: side {row['side']!r} is neither buy nor sell")
    return Side(word)


def account_of(row: Row, positions: Sequence[Row], environment: str) -> Account:
    """The account with its positions, as the venue says them."""
    held = [position_of(position) for position in positions if not _foreign(position)]
    return Account(
        id=text_of(row, "account_number"),
        environment=environment,
        currency=str(row.get("currency") or "USD"),
        cash=decimal_of(row, "cash"),
        positions={position.symbol: position for position in held if position.quantity},
        buying_power=decimal_of(row, "buying_power"),
        reported_equity=decimal_of(row, "equity"),
        blocked="; ".join(filter(None, (blocked(row), _strangers(positions)))),
    )


def _foreign(position: Row) -> bool:
    """Options and whatever else is worth something other than quantity times price."""
    return position.get("asset_class") not in (None, *CLASSES)


def _strangers(positions: Sequence[Row]) -> str:
    """Why equity and exposure cannot be told; such an account is not traded."""
    names = [
        f"{str(row.get('symbol'))[:40]} ({str(row.get('asset_class'))[:40]})" for row in positions if _foreign(row)
    ]
    return f"it holds what is neither a share nor a coin: {', '.join(names[:5])}" if names else ""


def blocked(row: Row) -> str:
    """Why the account may not trade; a flag that is missing or anything but false blocks (FAULTS 4.12 trap 21)."""
    found = [f"{name} is {row.get(name, 'missing')}" for name in _FLAGS if row.get(name) is not False]
    if row.get("status") != "ACTIVE":
        found.append(f"account status is {str(row.get('status'))[:40]}")
    return "; ".join(found)


def position_of(row: Row) -> Position:
    """A holding; shorts are negative whatever sign the row has."""
    quantity = abs(decimal_of(row, "qty"))
    short = row.get("side") == "short" or decimal_of(row, "qty") < 0
    symbol = text_of(row, "symbol")
    if row.get("asset_class") == "crypto" and "/" not in symbol:
        symbol = pair(symbol)
    return Position(symbol, -quantity if short else quantity, decimal_of(row, "avg_entry_price"))


def worth(row: Row, positions: Sequence[Row]) -> tuple[Decimal, Decimal, Decimal]:
    """What is held by the rows, what by the account's own word, and by how much the latter may be off at zero.

    Gross values where the account tells them; else equity less cash, in which a fee may be under way.
    """
    values = [decimal_of(position, "market_value", ZERO) for position in positions]
    parts = [row.get(name) for name in ("long_market_value", "short_market_value")]
    if None not in parts:
        gross = abs(decimal_of(row, "long_market_value")) + abs(decimal_of(row, "short_market_value"))
        return sum(map(abs, values), ZERO), gross, ZERO
    return sum(values, ZERO), decimal_of(row, "equity") - decimal_of(row, "cash"), _UNTOLD


def executed(row: Row) -> bool:
    """Whether a row of the kind FILL brings an execution; a correction brings one and takes one back."""
    kind = row.get("type")
    if kind not in _EXECUTIONS | _TAKEN_BACK:
        raise BrokerError(f"alpaca: execution {row.get('id')} is a {str(kind)[:40]}; a person must look at it")
    return kind in _EXECUTIONS


def fill_of(row: Row, client_id: str) -> Fill:
    """An execution."""
    try:
        return Fill(
            id=text_of(row, "id"),
            client_id=client_id,
            symbol=text_of(row, "symbol"),
            side=side_of(row),
            quantity=decimal_of(row, "qty"),
            price=decimal_of(row, "price"),
            fee=ZERO,
            time=instant_of(row, "transaction_time"),
            corrects=tuple(
                str(row[name]) for name in _PREVIOUS if row.get(name) and row.get("type") == "trade_correct"
            ),
        )
    except InputError as error:
        raise BrokerError(f"alpaca: {error}") from None


def taken_back(rows: Sequence[Row]) -> dict[str, Row]:
    """The rows that take an execution back, by its id; BrokerError when one does not tell which."""
    return {_undone(row, rows): row for row in rows if row.get("type") in _TAKEN_BACK}


def _undone(bust: Row, rows: Sequence[Row]) -> str:
    """The id that it names; else of the one execution that is like it."""
    named = next((bust[name] for name in _PREVIOUS if isinstance(bust.get(name), str) and bust[name]), "")
    like = [row for row in rows if row.get("type") in ("fill", "partial_fill") and _alike(row, bust)]
    if not named and (bust.get("type") != "trade_bust" or len(like) != 1):
        raise BrokerError(f"alpaca: {bust.get('type')} {bust.get('id')} names no execution; a person must look at it")
    return named or text_of(like[0], "id")


def _alike(row: Row, bust: Row) -> bool:
    return all(row.get(name) == bust.get(name) for name in ("order_id", "qty", "price", "side"))


def instant_of(row: Row, name: str) -> datetime:
    """An instant in UTC; finer than a microsecond is cut."""
    try:
        parsed = datetime.fromisoformat(text_of(row, name))
    except ValueError:
        raise BrokerError(f"alpaca: {name} {row[name]!r} is not an instant") from None
    if parsed.tzinfo is None:
        raise BrokerError(f"alpaca: {name} {row[name]!r} has no zone")
    return parsed.astimezone(UTC)


def _latest(row: Row) -> datetime:
    return instant_of(row, next((n for n in ("updated_at", "submitted_at") if row.get(n)), "created_at"))


def text_of(row: Row, name: str) -> str:
    """A field that must be a text with something in it."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise BrokerError(f"alpaca: {name} is {value!r}, not a text, in a row with {sorted(row)[:40]}")
    return value


def decimal_of(row: Row, name: str, default: Decimal | None = None) -> Decimal:
    """An amount; ``default`` where there is none, and a BrokerError without one or for what is no number."""
    value = row.get(name)
    if value is None and default is not None:
        return default
    if type(value) not in (str, int):
        raise BrokerError(f"alpaca: {name} is {value!r}, not a number, in a row with {sorted(row)[:40]}")
    try:
        return to_decimal(str(value), name)
    except InputError as error:
        raise BrokerError(f"alpaca: {error}") from None


def _price(row: Row, name: str) -> Decimal | None:
    return None if row.get(name) is None else decimal_of(row, name)


def _word(kind: type[_E], word: object, default: _E) -> _E:
    return kind(str(word)) if str(word) in set(kind) else default


def pair(symbol: str) -> str:
    """A coin as it is ordered, by the name under which it is held; as it is where that is no coin."""
    if "/" in symbol:
        return symbol
    quote = next((quote for quote in _QUOTED_IN if symbol.endswith(quote) and symbol != quote), "")
    return f"{symbol.removesuffix(quote)}/{quote}" if quote else symbol
