"""What the gateway tells, as values. A missing or unreadable amount that matters is a BrokerError that names it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from openbell.brokers.ibkr import codes
from openbell.errors import BrokerError
from openbell.values.money import ZERO
from openbell.values.orders import Fill, Order, OrderState, OrderType, Side, TimeInForce
from openbell.venues.ibkr.contracts import ours
from openbell.venues.ibkr.words import shown

#: Our order types by the venue's names.
TYPES = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "STP": OrderType.STOP,
    "STP LMT": OrderType.STOP_LIMIT,
    "TRAIL": OrderType.TRAILING_STOP,
}
#: What stands for nothing: the largest of an int, and from the largest of a long upward everything.
_NO_INT, _NO_LONG = 2.0**31 - 1, 2.0**63
#: More than an execution is ever corrected; another number is no version.
_VERSIONS = 99
_MANY_EQUAL = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Made:
    """One execution in its newest version; ``earlier`` are the ids of those before it."""

    id: str
    earlier: tuple[str, ...]
    ref: str
    perm_id: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    time: datetime
    fee: Decimal | None

    @property
    def client_id(self) -> str:
        """Our id; an order placed by hand goes by the venue's own."""
        return self.ref or f"perm-{self.perm_id}"

    def as_fill(self) -> Fill:
        """Whole, with a fee of 0 as long as none was reported."""
        fee = ZERO if self.fee is None else self.fee
        terms = self.symbol, self.side, self.quantity, self.price, fee, self.time
        return Fill(self.id, self.client_id, *terms, self.earlier)


def amount(value: float, name: str) -> Decimal:
    """A number of the wire as a Decimal of its shortest text."""
    found = maybe(value)
    if found is None:
        raise BrokerError(f"ibkr: {name} is {value!r}, not a number")
    return found


def maybe(value: float) -> Decimal | None:
    """As ``amount``; None where the venue says nothing."""
    if not math.isfinite(value) or abs(value) >= _NO_LONG or value == _NO_INT:
        return None
    exact = Decimal(repr(float(value)))
    return Decimal(int(exact)) if exact == exact.to_integral_value() else exact


def side_of(word: str) -> Side:
    """BUY and BOT are buys; SELL, SLD and short sales are sells."""
    if word in ("BUY", "BOT"):
        return Side.BUY
    if word in ("SELL", "SLD", "SSHORT"):
        return Side.SELL
    raise BrokerError(f"ibkr: side {word[:40]!r} is neither buy nor sell")


# --- executions ----------------------------------------------------------------------------------------------


def first_id(exec_id: str) -> str:
    """The id that an execution was first told under: a correction differs after the last dot only."""
    return next(iter(_earlier(exec_id)), exec_id)


def _earlier(exec_id: str) -> tuple[str, ...]:
    """The ids of the versions before, so that what was booked of them goes when the newest comes."""
    stem, dot, last = exec_id.rpartition(".")
    if not (dot and last.isascii() and last.isdecimal() and int(last) <= _VERSIONS):
        return ()
    return tuple(f"{stem}.{number:0{len(last)}d}" for number in range(1, int(last)))


def newest(fills: Iterable[Any], account: str) -> list[Any]:
    """Executions of the account, of each the last correction."""
    found: dict[str, Any] = {}
    for fill in fills:
        if fill.execution.acctNumber not in ("", account):
            continue
        key = first_id(fill.execution.execId)
        if key not in found or fill.execution.execId >= found[key].execution.execId:
            found[key] = fill
    return list(found.values())


def made_of(fill: Any, fee: Decimal | None) -> Made:
    """An execution; one that was taken back has no quantity left."""
    execution = fill.execution
    return Made(
        id=str(execution.execId),
        earlier=_earlier(execution.execId),
        ref=str(execution.orderRef),
        perm_id=int(execution.permId),
        symbol=ours(fill.contract),
        side=side_of(execution.side),
        quantity=amount(execution.shares, "shares of an execution"),
        price=amount(execution.price, "price of an execution"),
        time=execution.time.astimezone(UTC),
        fee=fee,
    )


def filled_by(made: Sequence[Made]) -> Decimal:
    """Quantity of some executions."""
    return sum((each.quantity for each in made), ZERO)


def average(made: Sequence[Made]) -> Decimal | None:
    """Average price, exact where it has no more than eight decimals."""
    quantity = filled_by(made)
    if not quantity:
        return None
    exact = sum((each.quantity * each.price for each in made), ZERO) / quantity
    return exact if exact == exact.quantize(_MANY_EQUAL) else exact.quantize(_MANY_EQUAL)


# --- orders --------------------------------------------------------------------------------------------------


def named(order: Any) -> str:
    """Our id of an order; one placed by hand goes by the venue's own, as its executions do."""
    return str(order.orderRef or f"perm-{order.permId}")


def open_order(trade: Any, status: str, made: Sequence[Made], refusal: str, now: datetime) -> Order:
    """An order that the gateway lists as open; being listed, it lives, whatever its status claims."""
    told = trade.orderStatus
    filled = filled_by(made) or maybe(told.filled) or ZERO
    quantity = amount(trade.order.totalQuantity, "quantity of an order")
    state, reason = _open_state(status, filled, quantity, refusal)
    average_price = average(made) or (maybe(told.avgFillPrice) if filled else None)
    return _order(trade, state, reason, quantity, filled, average_price, made[-1].time if made else now)


def _open_state(status: str, filled: Decimal, quantity: Decimal, refusal: str) -> tuple[OrderState, str]:
    working = OrderState.PARTIAL if filled else OrderState.ACKED
    if status == codes.FILLED or (quantity and filled >= quantity):
        return OrderState.FILLED, ""
    if status == codes.PENDING_CANCEL:
        return OrderState.PENDING_CANCEL, ""
    if status in codes.CLAIMED_DEAD:
        return (OrderState.REJECTED, refusal) if refusal and not filled else (working, f"listed as open, but {status}")
    return (working, "") if status in codes.ALIVE else (OrderState.UNKNOWN, f"status {status[:40]!r} is not known")


def completed_order(
    trade: Any, end: tuple[str, str], made: Sequence[Made], quantity: Decimal | None, refusal: str, now: datetime
) -> Order:
    """An order that the gateway lists as completed, with when and how it ended.

    Of a filled one it tells no quantity but what was filled.
    """
    status, words = trade.orderStatus.status, shown(end[1])
    filled = filled_by(made) or maybe(trade.order.filledQuantity) or ZERO
    total = quantity or maybe(trade.order.totalQuantity) or filled
    state = _completed_state(status, words, bool(refusal), filled)
    reason = f"status {status[:40]!r} is not known" if state is OrderState.UNKNOWN else refusal or words
    reason = "" if state is OrderState.FILLED else reason
    ended = made[-1].time if made else _instant(end[0]) or now
    return _order(trade, state, reason, total, filled, average(made), ended)


def _completed_state(status: str, words: str, refused: bool, filled: Decimal) -> OrderState:
    if status == codes.FILLED:
        return OrderState.FILLED
    if status not in codes.CLAIMED_DEAD:
        return OrderState.UNKNOWN
    rejected = refused or status == "Inactive" or words.lower().startswith("reject")
    if rejected and not filled:
        return OrderState.REJECTED
    return OrderState.EXPIRED if "expired" in words.lower() else OrderState.CANCELED


def _order(
    trade: Any,
    state: OrderState,
    reason: str,
    quantity: Decimal,
    filled: Decimal,
    price: Decimal | None,
    time: datetime,
) -> Order:
    order, kind = trade.order, TYPES.get(trade.order.orderType)
    if kind is None and not state.terminal:
        state, reason = OrderState.UNKNOWN, f"type {order.orderType[:40]!r} is not known"
    limited = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    stopped = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
    tif = order.tif.lower()
    return Order(
        client_id=named(order),
        symbol=ours(trade.contract),
        side=side_of(order.action),
        quantity=quantity,
        type=kind or OrderType.MARKET,
        state=state,
        updated=time,
        filled=filled,
        average_price=price,
        broker_id=str(order.permId),
        limit_price=maybe(order.lmtPrice) if limited else None,
        stop_price=maybe(order.auxPrice) if stopped else None,
        trail=maybe(order.auxPrice) if kind is OrderType.TRAILING_STOP else None,
        time_in_force=TimeInForce(tif) if tif in set(TimeInForce) else TimeInForce.DAY,
        reason=reason,
    )


def _instant(words: str) -> datetime | None:
    """``20261120 10:00:00 US/Eastern`` or ``20261120-15:00:00``, which is of UTC, in UTC; None for anything else."""
    told = f"{words.replace('-', ' ')} UTC" if words[8:9] == "-" else words
    day, _, rest = told.partition(" ")
    clock, _, zone = rest.partition(" ")
    try:
        return datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, KeyError, OSError):
        return None
