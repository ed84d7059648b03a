"""What the gateway knows of orders: open ones, executions, completed ones. None of the three knows all of them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from openbell.brokers.ibkr import rows
from openbell.brokers.ibkr.codes import REFUSALS
from openbell.brokers.ibkr.rows import Made
from openbell.values.orders import Order, OrderState, OrderType
from openbell.venues.ibkr.sdk import ExecutionFilter
from openbell.venues.ibkr.session import Session

#: Commissions come after their executions; this long after one they are waited for, and then not any more.
_FEE_AGE, _FEE_WAIT, _FEE_STEP = timedelta(seconds=5), 1.0, 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """What this process sent under a client id: number of the order in its session, and its size."""

    number: int
    session: int
    quantity: Decimal


async def open_trades(session: Session) -> list[Any]:
    """Open orders of the account, whoever placed them; one that is told twice counts once."""
    listed = await session.named("open orders", session.ib.reqAllOpenOrdersAsync)
    mine = [trade for trade in listed if trade.order.account in ("", session.account)]
    return list({(trade.order.permId or (trade.order.clientId, trade.order.orderId)): trade for trade in mine}.values())


async def executions(session: Session) -> list[Made]:
    """Executions of the account that stand and that the gateway still knows (those of the day), oldest first."""
    return [each for each in await told_executions(session) if each.quantity > 0]


async def told_executions(session: Session) -> list[Made]:
    """As ``executions``, and those that were taken back, which have no quantity left."""
    wanted = ExecutionFilter(acctCode=session.account)
    listed = await session.named("executions", lambda: session.ib.reqExecutionsAsync(wanted))
    newest = rows.newest(listed, session.account)
    fees = await _fees(session, newest)
    made = [rows.made_of(fill, fees.get(fill.execution.execId)) for fill in newest]
    return sorted(made, key=lambda each: (each.time, each.id))


async def _fees(session: Session, fills: Sequence[Any]) -> Mapping[str, Decimal]:
    """Commissions by execution. The list of executions never has them for those that were known before."""
    fresh = datetime.now(UTC) - _FEE_AGE
    expected = {fill.execution.execId for fill in fills if fill.execution.time > fresh}
    end = time.monotonic() + _FEE_WAIT
    while not expected <= _reported(session).keys() and time.monotonic() < end and not session.dead:
        await asyncio.sleep(_FEE_STEP)
    return _reported(session)


def _reported(session: Session) -> dict[str, Decimal]:
    reports = [fill.commissionReport for fill in session.ib.fills() if fill.commissionReport.execId]
    found = {report.execId: rows.maybe(report.commission) for report in reports}
    return {exec_id: fee for exec_id, fee in found.items() if fee is not None}


async def find(session: Session, client_id: str, sent: Sent | None, ended: bool = True) -> Order | None:
    """The order with our id; None when none of the sources has it. Without ``ended`` the slow third is left out."""
    trades = [trade for trade in await open_trades(session) if rows.named(trade.order) == client_id]
    made = [each for each in await executions(session) if each.client_id == client_id]
    now = datetime.now(UTC)
    if trades:
        order = rows.open_order(trades[0], status_of(session, trades[0]), made, refusal(session, sent), now)
        return order if len(trades) == 1 else _doubled(order, trades)
    if ended:
        done = await session.named("completed orders", lambda: session.ib.reqCompletedOrdersAsync(False))
        of_it = [trade for trade in done if rows.named(trade.order) == client_id and _of(session, trade)]
        if of_it:
            end = session.ends.get(of_it[-1].order.permId, ("", ""))
            quantity = sent.quantity if sent else None
            return rows.completed_order(of_it[-1], end, made, quantity, refusal(session, sent), now)
    return _by_executions(made, sent) if made else None


def _of(session: Session, trade: Any) -> bool:
    return trade.order.account in ("", session.account)


def status_of(session: Session, trade: Any) -> str:
    """The status on the wire; the SDK's own is turned by notices."""
    return session.statuses.get(trade.order.permId, str(trade.orderStatus.status))


def refusal(session: Session, sent: Sent | None) -> str:
    """The clear word by which the order was refused in this session, empty for none."""
    told = session.told.get(sent.number, []) if sent and sent.session == session.serial else []
    return next((f"{code}: {text}" for code, text in told if code in REFUSALS), "")


def _doubled(order: Order, trades: Sequence[Any]) -> Order:
    """Two live orders with one id of ours: a person must look at them."""
    ids = ", ".join(str(trade.order.permId) for trade in trades)
    return Order(
        order.client_id,
        order.symbol,
        order.side,
        order.quantity,
        order.type,
        OrderState.UNKNOWN,
        order.updated,
        broker_id=order.broker_id,
        reason=f"DUPLICATE_LIVE: {len(trades)} live orders bear this id ({ids})",
    )


def _by_executions(made: Sequence[Made], sent: Sent | None) -> Order:
    """An order of which only executions are told: its size is known only to the process that sent it."""
    filled = rows.filled_by(made)
    quantity = sent.quantity if sent else filled
    state = OrderState.FILLED if filled >= quantity else OrderState.PARTIAL
    reason = "" if state is OrderState.FILLED else "neither open nor completed at the gateway; known by its executions"
    last = made[-1]
    return Order(
        last.client_id,
        last.symbol,
        last.side,
        quantity,
        OrderType.MARKET,
        state,
        last.time,
        filled,
        rows.average(made),
        str(last.perm_id),
        reason=reason,
    )
