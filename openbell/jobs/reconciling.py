"""The positions job: the books of an account against its broker; what we missed is repaired, the rest is a break."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from openbell.desk import Desk
from openbell.errors import BrokerError
from openbell.jobs.run import Run, whole
from openbell.ports import Broker, Level, OrderEvent, Unsettled, activities_of, busts_of
from openbell.ports.breaks import Kept, Look, Noted, Result
from openbell.stages.activities import explaining, gaps
from openbell.stages.reconcile import PREFIX, Compared, Missed, Shown, compare, missed
from openbell.stages.rollback import unplanned
from openbell.stages.steps import SAID, STOP_CANCELED, told, withdrawn
from openbell.stages.whole import absent, hollow, torn
from openbell.stages.wording import count
from openbell.values import canonical
from openbell.values.breaks import Cause, Difference
from openbell.values.job import POSITIONS
from openbell.values.orders import Fill, OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.work import Worked

#: Executions are compared from this long ago on.
LOOK_BACK = timedelta(days=1)
#: What the venue names as the cause of a difference is looked for from this long ago on: fees are posted by the day.
NAMED = timedelta(days=7)
#: Entries of the account wait once nothing was known for more than so many intervals.
PATIENCE = 2
#: States of which the broker can be asked what came after.
_WORKING = (OrderState.ACKED, OrderState.PARTIAL, OrderState.PENDING_CANCEL)


def positions(desk: Desk, run_id: str) -> RunRecord:
    """The run as the flow ``positions`` tells it, in this process and without Prefect."""
    return whole(desk, POSITIONS, run_id, reconcile)


def reconcile(run: Run) -> Worked:
    """One comparison: repairs first, the rest is kept as breaks; unknown when the broker gave no whole answer."""
    desk, now = run.desk, run.ring.as_of
    try:
        shown = _whole(desk, desk.broker(), now)
    except BrokerError as error:
        return _unknown(run, str(error))
    if isinstance(shown, str):
        return _unknown(run, shown)
    books, unsettled = _books(desk, now)
    named = [*(order.client_id for order in shown.open_orders), *(fill.client_id for fill in shown.fills)]
    strangers = frozenset(unplanned(desk.journal, named))
    repaired = missed(books, unsettled, shown, strangers, now)
    busts = _repair(desk, books, unsettled, repaired, now)
    compared = _explained(desk, lambda: compare(*_books(desk, now), shown, strangers, now), now)
    found = [*(one for order in repaired for one in order.differences), *compared.differences]
    noted = desk.breaks.note(_look(desk, now, compared, found), found)
    _halt_after_reset(desk, compared)
    return _worked(compared, found, noted, repaired, busts)


# --- asking --------------------------------------------------------------------------------------------------


def _whole(desk: Desk, broker: Broker, now: datetime) -> Shown | str:
    """What the broker shows, asked twice where it shows less than the books hold; words when it cannot be whole."""
    if broker.environment != desk.plan.mode:
        return f"the plan says {desk.plan.mode}, the account says {broker.environment}"
    first = _ask(desk, broker, now)
    if not (absent(_books(desk, now)[0], first) or hollow(first)):
        return first
    desk.wait(desk.quiet)
    second = _ask(desk, broker, now)
    return torn(first, second) or hollow(second) or second


def _ask(desk: Desk, broker: Broker, now: datetime) -> Shown:
    account, open_orders, fills = broker.account(), broker.open_orders(), broker.fills(now - LOOK_BACK)
    there = {order.client_id for order in open_orders}
    working = (order.intent.id for order in _unsettled(desk) if order.state in _WORKING)
    ended = (broker.order(client_id) for client_id in working if client_id not in there)
    return Shown(account, open_orders, fills, tuple(order for order in ended if order is not None))


def _unsettled(desk: Desk) -> tuple[Unsettled, ...]:
    return desk.journal.unsettled(desk.broker().account_id)


def _books(desk: Desk, now: datetime) -> tuple[Kept, tuple[Unsettled, ...]]:
    """Read after the broker was asked: what came in since then is young enough to count as settling."""
    return desk.breaks.kept(desk.broker().account_id, now - LOOK_BACK), _unsettled(desk)


# --- repairing -----------------------------------------------------------------------------------------------


def _repair(desk: Desk, books: Kept, unsettled: Sequence[Unsettled], repairs: Sequence[Missed], now: datetime) -> int:
    """Write down what the broker says of our own orders, each execution once; returns how many were taken back."""
    working = {order.intent.id: order for order in unsettled}
    for repair in repairs:
        known = [fill for fill in books.fills if fill.client_id == repair.client_id]
        after = desk.journal.report(_said(repair, [*known, *repair.fills], now), repair.fills)
        order = working.get(repair.client_id)
        if order is not None and (why := withdrawn(order, after)):
            desk.journal.alert(STOP_CANCELED, f"{order.plan}/{order.intent.symbol}", why)
    ours = {fill.id: fill for fill in books.fills if fill.client_id.startswith(PREFIX)}
    taken = [bust for bust in busts_of(desk.broker(), now - LOOK_BACK) if bust.fill in ours]
    for bust in taken:
        said = OrderEvent(bust.client_id, OrderState.PARTIAL, bust.time, "the venue took an execution back")
        desk.journal.report(said, (), [bust.fill])
    return len(taken)


def _explained(desk: Desk, look: Callable[[], Compared], now: datetime) -> Compared:
    """The comparison after what the venue itself explains is booked; positions first, since cash waits for them."""
    compared = look()
    if not gaps(compared):
        return compared
    broker = desk.broker()
    try:
        told = activities_of(broker, now - NAMED)
    except BrokerError:
        return compared  # the difference stands, and is a break until it is explained
    while found := explaining(desk.breaks.kept(broker.account_id, now), compared, told):
        desk.breaks.book(broker.account_id, found)
        compared = look()
    return compared


def _said(repair: Missed, fills: Sequence[Fill], now: datetime) -> OrderEvent:
    """The state that the executions at hand bear out."""
    order = repair.order
    if order is None or order.state not in SAID:
        return OrderEvent(repair.client_id, OrderState.PARTIAL, repair.fills[-1].time if repair.fills else now)
    return OrderEvent(order.client_id, told(order, fills), order.updated, order.reason, order.broker_id)


# --- keeping and telling -------------------------------------------------------------------------------------


def _look(desk: Desk, now: datetime, compared: Compared, found: Sequence[Difference]) -> Look:
    result = Result.BREAK if found or compared.seen else Result.CLEAN
    seen = dict.fromkeys([*(one.key for one in found), *compared.seen])
    look = Look(desk.broker().account_id, now, result, cash=compared.opening, seen=tuple(seen))
    return replace(look, small=compared.small)


def _halt_after_reset(desk: Desk, compared: Compared) -> None:
    reset = next((one for one in compared.differences if one.cause is Cause.ACCOUNT_RESET), None)
    if reset is not None and desk.journal.switch().level is not Level.HALTED:
        desk.journal.alert(Cause.ACCOUNT_RESET, reset.subject, reset.detail)
        desk.journal.set_switch(Level.HALTED, "openbell", f"BREAK {reset.subject}: {reset.detail}")


def _unknown(run: Run, why: str) -> Worked:
    """Nothing is known, so nothing is concluded; after two intervals the account's entries wait."""
    desk, now, account = run.desk, run.ring.as_of, _account_id(run)
    since = desk.breaks.kept(account, now).unknown_since or now
    interval = desk.resolved.grids[POSITIONS.name].interval_at(run.ring.slot.planned)
    long = now - since > PATIENCE * interval
    found = [Difference(Cause.UNKNOWN, account, "", why)] if long else []
    noted = desk.breaks.note(Look(account, now, Result.UNKNOWN, why), found)
    counters = {"checked": 0, "clean": 0, "breaks": len(noted.opened), "repaired": 0, "unknown": 1}
    words = f"nothing is known: {why}" + ("; entries wait" if long else "")
    details = {"breaks": canonical.plain(found), "opened": list(noted.opened)}
    return Worked(words, counters, details, Outcome.FAILED, Cause.UNKNOWN.value)


def _account_id(run: Run) -> str:
    """The account's own name where the broker can be opened, else the plan's name for it."""
    try:
        return run.desk.broker().account_id
    except BrokerError:
        return run.desk.plan.account.name


def _worked(
    compared: Compared, found: Sequence[Difference], noted: Noted, repaired: Sequence[Missed], busts: int
) -> Worked:
    kinds = Counter(one.cause.value.lower() for one in found)
    apart = len({one.symbol or one.subject for one in found})
    counters = {
        "checked": compared.checked,
        "clean": max(0, compared.checked - apart - len(compared.settling)),
        "breaks": len(compared.seen),
        "repaired": len(repaired) + busts,
        "settling": len(compared.settling),
        "unknown": 0,
        **dict(sorted(kinds.items())),
    }
    details = {
        "breaks": canonical.plain(found),
        "opened": list(noted.opened),
        "released": list(noted.released),
        "settling": list(compared.settling),
        "repaired": [repair.client_id for repair in repaired],
    }
    return Worked(_words(compared, found, noted, len(repaired) + busts), counters, details)


def _words(compared: Compared, found: Sequence[Difference], noted: Noted, repaired: int) -> str:
    kinds = Counter(one.cause.value for one in found)
    parts = [
        ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())),
        f"{count(repaired, 'order')} repaired" if repaired else "",
        f"{count(len(noted.opened), 'break')} opened" if noted.opened else "",
        f"{count(len(noted.released), 'break')} released" if noted.released else "",
        f"{', '.join(compared.settling)} still settling" if compared.settling else "",
        f"{count(len(compared.seen), 'break')} open" if compared.seen and not noted.opened else "",
    ]
    said = "; ".join(part for part in parts if part)
    return f"{compared.checked} looked at: {said or 'books and broker agree'}"
