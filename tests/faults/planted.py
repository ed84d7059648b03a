"""Traders with a bug each, to see that the oracle finds it; and trials in which several processes act at once.

A bug is planted by putting the run together differently, never by changing openbell.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from openbell.desk import Desk
from openbell.jobs import trading
from openbell.ports import Broker, Forbidden, Journal, LastGate, OrderEvent, Reduced, Rejected, Submission, Unknown
from openbell.stages.execute import Executed, fills_of, sendable
from openbell.stages.judge import Gated
from openbell.store.exposure import exposure
from openbell.store.orders import order_row
from openbell.values.job import TRADE
from openbell.values.orders import OrderIntent, OrderState
from openbell.values.slot import Slot
from tests.faults.trader import Setup, desk_of, log, trade

#: How long two processes wait for each other.
MEETING = 5.0
CROWD = 20


# --- bugs ----------------------------------------------------------------------------------------------------


def quantity_in_the_id(desk: Desk, setup: Setup) -> None:
    """Decides anew after a restart, under ids that a new quantity changes, and trusts them."""
    run = trading.begin(desk, TRADE, _name("run", setup), setup.planned)
    if run.blocked:
        trading.skip(run)
        return
    run.frozen = None
    market = trading.fetch_market(run)
    evaluation = trading.evaluate_market(run, market)
    gated = _renamed(trading.gate(run, market, evaluation))
    sender = trading.sender_of(run, market)
    frozen = desk.journal.freeze(
        run.ring.slot, run.ring.fencing, sender.broker.account_id, gated.intents, gated.verdicts
    )
    for intent in gated.intents:
        if frozen.states.get(intent.id) is OrderState.APPROVED:
            sender.send(intent)
        elif intent.id not in frozen.states:
            log.info("a new order: %s", sender.broker.submit(intent))
    executed = Executed(frozen.intents, frozen.verdicts, (), fills_of(sender.broker, frozen, (), sender.since))
    trading.finish(run, market, evaluation, gated, executed)


def _renamed(gated: Gated) -> Gated:
    names = {intent.id: _with_quantity(intent) for intent in gated.intents}
    return replace(
        gated,
        intents=tuple(replace(intent, id=names[intent.id]) for intent in gated.intents),
        verdicts=tuple(replace(verdict, intent_id=names[verdict.intent_id]) for verdict in gated.verdicts),
    )


def _with_quantity(intent: OrderIntent) -> str:
    return "ob-" + hashlib.sha256(f"{intent.id} {intent.quantity}".encode()).hexdigest()[:26]


def resend_without_a_look(desk: Desk, setup: Setup) -> None:
    """After a restart sends again whatever has no known outcome."""
    run = trading.begin(desk, TRADE, _name("run", setup), setup.planned)
    if run.blocked:
        trading.skip(run)
        return
    market = trading.fetch_market(run)
    sender = trading.sender_of(run, market)
    for intent in sendable(run.frozen) if run.frozen else ():
        if run.frozen.states[intent.id] is OrderState.SENDING:
            desk.journal.record(OrderEvent(intent.id, OrderState.UNKNOWN, desk.now(), "no answer"))
            log.info("sent again: %s", sender.broker.submit(intent))
    run.frozen = desk.journal.frozen(run.ring.slot)
    evaluation = trading.evaluate_market(run, market)
    gated = trading.gate(run, market, evaluation)
    trading.finish(run, market, evaluation, gated, trading.send_orders(run, market, gated))


@dataclass(frozen=True)
class _Hasty:
    """A broker whose silence is taken for a refusal."""

    broker: Broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    def submit(self, intent: OrderIntent) -> Submission:
        answer = self.broker.submit(intent)
        return Rejected("TIMEOUT", answer.reason) if isinstance(answer, Unknown) else answer


def rejected_on_timeout(desk: Desk, setup: Setup) -> None:
    """Records REJECTED when no answer comes."""
    desk._broker = _Hasty(desk.broker())
    trade(desk, setup)


# --- several at once -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Met:
    """A journal that marks SENDING only once the other plan has come as far: both have seen a broker without orders."""

    journal: Journal
    setup: Setup
    plan: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate, with_it: Sequence[str] = ()
    ) -> Forbidden | Reduced | None:
        _meet(self.setup, f"{self.plan}-{event.client_id}", 2)
        return self.journal.begin_send(slot, fencing, event, reduces, gate, with_it)


@dataclass(frozen=True)
class _Outside(_Met):
    """Asks the gate first, and marks in a transaction of its own afterwards."""

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate, with_it: Sequence[str] = ()
    ) -> Forbidden | Reduced | None:
        with self.journal.store.reading() as connection:
            seen = exposure(connection, slot, order_row(connection, event.client_id), event.time)
        before = gate(seen)
        _meet(self.setup, f"{self.plan}-{event.client_id}", 2)
        return self.journal.begin_send(slot, fencing, event, reduces, lambda _: before, with_it)


def two_plans(desk: Desk, setup: Setup) -> None:
    """Two plans want the same symbol on one account at the same instant; the limit leaves room for one."""
    _at_once([lambda plan=plan: _trade_met(setup, plan, _Met) for plan in ("matrix", "second")])


def gate_outside(desk: Desk, setup: Setup) -> None:
    """The same, with the gate before the transaction."""
    _at_once([lambda plan=plan: _trade_met(setup, plan, _Outside) for plan in ("matrix", "second")])


def _trade_met(setup: Setup, plan: str, kind: type[_Met]) -> None:
    desk = desk_of(setup, name=plan, universe=("AAPL",), risk={"max_position_weight": "0.0095"})
    desk.journal = kind(desk.journal, setup, plan)
    record = trading.trade(desk, _name(plan, setup), setup.planned)
    log.info("%s %s", plan, record.message)


@dataclass(frozen=True)
class _Slow(_Met):
    """A journal that marks no second order before somebody else has come by."""

    def begin_send(
        self, slot: Slot, fencing: int, event: OrderEvent, reduces: bool, gate: LastGate, with_it: Sequence[str] = ()
    ) -> Forbidden | Reduced | None:
        if (self.setup.folder / "meeting").exists():
            _meet(self.setup, "first", 2)
        (self.setup.folder / "meeting").mkdir(exist_ok=True)
        return self.journal.begin_send(slot, fencing, event, reduces, gate, with_it)


def overlap(desk: Desk, setup: Setup) -> None:
    """The next slot of the job starts while the first has one of its orders out."""
    _at_once([lambda: _slow_slot(setup), lambda: _next_slot(setup)])


def _slow_slot(setup: Setup) -> None:
    desk = desk_of(setup)
    desk.journal = _Slow(desk.journal, setup, "matrix")
    log.info("%s", trading.trade(desk, _name("slow", setup), setup.planned).message)


def _next_slot(setup: Setup) -> None:
    deadline = time.monotonic() + MEETING
    while not (setup.folder / "meeting").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    log.info("%s", trading.trade(desk_of(setup), _name("next", setup), setup.planned + timedelta(days=1)).message)
    _meet(setup, "second", 1)


def crowd(desk: Desk, setup: Setup) -> None:
    """Twenty processes start one slot at the same instant."""
    _at_once([lambda number=number: _one_of(setup, number) for number in range(CROWD)])


def _one_of(setup: Setup, number: int) -> None:
    desk = desk_of(setup)
    _meet(setup, f"start-{number}", CROWD)
    log.info("%s", trading.trade(desk, _name(f"run-{number}", setup), setup.planned).message)


def _at_once(deeds: Iterable[Callable[[], None]]) -> None:
    """Each deed in a process of its own; all of them must end well."""
    children = [_child(deed) for deed in deeds]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise RuntimeError(f"processes ended with {codes}")


def _child(deed: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        deed()
        code = 0
    except BaseException:  # noqa: BLE001  # the child must not go on as its parent
        log.exception("a process of several failed")
    finally:
        os._exit(code)


def _meet(setup: Setup, name: str, number: int) -> None:
    """Wait until so many have come; whoever waits too long goes on alone."""
    folder = setup.folder / "meeting"
    folder.mkdir(exist_ok=True)
    (folder / name).touch()
    deadline = time.monotonic() + MEETING
    while len(list(folder.iterdir())) < number and time.monotonic() < deadline:
        time.sleep(0.002)


def _name(what: str, setup: Setup) -> str:
    return f"{what}-{setup.attempt}-{os.getpid()}"


PLANTED: dict[str, Callable[[Desk, Setup], None]] = {
    "quantity in the id": quantity_in_the_id,
    "resend without a look": resend_without_a_look,
    "rejected on timeout": rejected_on_timeout,
    "gate outside": gate_outside,
    "two plans": two_plans,
    "overlap": overlap,
    "crowd": crowd,
}
