"""cancel-all and flatten: take every order back, then close what is held, by intents like any other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from openbell.crashpoints import reach
from openbell.ports import Accepted, Broker, Journal, Submission, Unknown
from openbell.stages.pace import Pace
from openbell.stages.settle import Resolver
from openbell.stages.steps import mark_canceling
from openbell.values.account import Account
from openbell.values.job import FLATTEN
from openbell.values.money import ZERO
from openbell.values.orders import Order, OrderIntent, OrderState, Purpose, Share, Side, client_order_id
from openbell.values.slot import Slot

#: How long a cancel may take before the order is reported as still open, and how often it is looked at.
PATIENCE, LOOK = timedelta(seconds=30), timedelta(seconds=1)
#: The share of a closing order that no strategy of the plan has in its books.
UNBOOKED = "flatten"


@dataclass(frozen=True, slots=True)
class Canceled:
    """Orders that were asked to be cancelled, and those that are still open, with the venue's word where it refused."""

    asked: tuple[Order, ...]
    left: tuple[Order, ...]


def cancel_all(journal: Journal, broker: Broker, pace: Pace, patience: timedelta = PATIENCE) -> Canceled:
    """Ask for a cancel of every open order of the account, whoever sent it, and wait until each has ended.

    The wish is written down before it is sent, and only the broker's word ends an order. Calling it again goes
    on where a dead process stopped.
    """
    open_orders = broker.open_orders()
    ours = {order.intent.id: order for order in journal.unsettled(broker.account_id)}
    told: dict[str, str] = {}
    for order in open_orders:
        if order.client_id in ours:
            mark_canceling(journal, ours[order.client_id], pace.now(), "cancel-all", order.broker_id)
        reach("before-cancel")
        told[order.client_id] = _problem(broker.cancel(order.client_id))
        reach("during-cancel")
    left = _await_ends(journal, broker, pace, patience)
    return Canceled(open_orders, tuple(replace(each, reason=told.get(each.client_id) or each.reason) for each in left))


def _problem(outcome: Submission) -> str:
    if isinstance(outcome, Accepted):
        return ""
    return outcome.reason if isinstance(outcome, Unknown) else outcome.message


def _await_ends(journal: Journal, broker: Broker, pace: Pace, patience: timedelta) -> tuple[Order, ...]:
    """Look until nothing is open, as often as ``patience`` allows, writing down what the broker says."""
    resolver = Resolver(journal, broker, pace, lambda _: None, lambda _: timedelta(0))
    for look in range(patience // LOOK + 1):
        if look:
            pace.wait(LOOK)
        working = [order for order in journal.unsettled(broker.account_id) if order.state.working]
        resolver.settle([order for order in working if order.state is not OrderState.SENDING])
        left = broker.open_orders()
        if not left:
            break
    return left


def flatten_slot(plan: str, epoch: int, session: date, number: int = 0) -> Slot:
    """The slot of one epoch of the kill switch and one call under it: who comes second finds it taken.

    Both are counts; as an instant they are so many seconds, and so many thousandths, after 1970.
    """
    return Slot(plan, FLATTEN.name, datetime.fromtimestamp(epoch, UTC) + number * timedelta(milliseconds=1), session)


def epoch_of(slot: Slot) -> int:
    """The epoch of the kill switch that a slot of ``flatten_slot`` belongs to."""
    return int(slot.planned.timestamp())


def closing_intents(
    account: Account,
    slot: Slot,
    prices: Mapping[str, Decimal],
    books: Mapping[tuple[str, str], Decimal],
) -> tuple[OrderIntent, ...]:
    """One exit for each position, with ids that depend on account, slot and symbol alone.

    A position without a price is closed all the same, at its average price as the reference.
    """
    held = sorted((symbol, position) for symbol, position in account.positions.items() if position.quantity)
    return tuple(
        closing_intent(
            account,
            FLATTEN.name,
            slot,
            symbol,
            position.quantity,
            prices.get(symbol, position.average_price),
            _shares(position.quantity, symbol, books),
        )
        for symbol, position in held
    )


def closing_intent(
    account: Account,
    name: str,
    slot: Slot,
    symbol: str,
    held: Decimal,
    reference: Decimal,
    shares: tuple[Share, ...],
    leg: int = 0,
) -> OrderIntent:
    """An exit that takes off ``held``, which is signed; its id depends on account, ``name``, slot, symbol and leg."""
    return OrderIntent(
        id=client_order_id(account.id, account.environment, [name], slot, symbol, leg),
        slot=slot.key,
        leg=leg,
        symbol=symbol,
        side=Side.SELL if held > 0 else Side.BUY,
        quantity=abs(held),
        purpose=Purpose.EXIT,
        reference=reference,
        shares=shares,
    )


def _shares(held: Decimal, symbol: str, books: Mapping[tuple[str, str], Decimal]) -> tuple[Share, ...]:
    """Each strategy's book goes to zero; what none of them holds is nobody's."""
    booked = [(name, quantity) for (name, of), quantity in books.items() if of == symbol and quantity]
    rest = held - sum((quantity for _, quantity in booked), ZERO)
    parts = [*booked, *([(UNBOOKED, rest)] if rest else [])]
    return tuple(Share(name, -quantity) for name, quantity in parts)


def left_over(account: Account, orders: Iterable[Order]) -> dict[str, tuple[Decimal, str]]:
    """What is still held, with the words of the order that should have closed it."""
    said = {order.symbol: f"{order.state}: {order.reason}".strip(": ") for order in orders}
    return {
        symbol: (position.quantity, said.get(symbol, "no order could be made"))
        for symbol, position in sorted(account.positions.items())
        if position.quantity
    }
