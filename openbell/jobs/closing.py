"""Closing an account down at a person's word: cancel-all and flatten, with or without Prefect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from openbell.crashpoints import reach
from openbell.desk import Desk, wall_clock
from openbell.errors import InputError
from openbell.jobs.reducing import send_exits
from openbell.jobs.run import Run, seal
from openbell.ports import Broker, Claim, ClaimKind, Frozen, Level, Switch
from openbell.risk.gate import judge
from openbell.stages.evaluate import Evaluation
from openbell.stages.fetch import marks
from openbell.stages.flatten import Canceled, cancel_all, closing_intents, flatten_slot, left_over
from openbell.stages.judge import Gated, book_of
from openbell.stages.lastgate import bare_market
from openbell.stages.lease import UNSENT
from openbell.stages.pace import Pace
from openbell.stages.recover import recover_quietly
from openbell.stages.rollback import rolled_back
from openbell.stages.seal import Story
from openbell.switching import look, loosen
from openbell.values.market import Market
from openbell.values.orders import Order
from openbell.values.record import Guard, Outcome
from openbell.values.ring import Ring
from openbell.values.slot import Slot

#: Calls of ``flatten`` under one epoch of the kill switch, each of which goes on with what is left.
CALLS = 1000


@dataclass(frozen=True, slots=True)
class Flattened:
    """What ``flatten`` did: orders sent, what is still open or held and why, and whether it was done before."""

    account: str
    environment: str
    slot: str
    orders: tuple[Order, ...]
    left: Mapping[str, tuple[Decimal, str]]
    open_orders: tuple[Order, ...]
    note: str = ""

    @property
    def flat(self) -> bool:
        """Whether nothing is held and nothing open."""
        return not self.left and not self.open_orders


def take_back(desk: Desk) -> Canceled:
    """Cancel every open order of the plan's account."""
    return cancel_all(desk.journal, desk.broker(), desk.pace)


def flatten(desk: Desk, actor: str, reason: str, run_id: str) -> Flattened:
    """Cancel everything, wait for it, close what is held; entries stay forbidden afterwards.

    Under HALTED no order leaves, exits included: a person with a reason moves the switch on to REDUCE_ONLY by this
    very call, anybody else gets an InputError. A closed venue takes no order, so nothing is frozen and a later call
    can do it. Once everything is closed further calls change nothing; until then each goes on with what is left.
    """
    switch, broker = _reduce_only(desk, actor, reason), desk.broker()
    if strange := rolled_back(desk.journal, desk.history, broker, desk.now()):
        raise InputError(f"everything is halted now: {strange} {_all_the_same(desk)}")
    if not broker.clock().is_open:
        closed = "the venue is closed: nothing was sent, call again later"
        return _told(desk, _slot(desk, switch, 0), (), broker.open_orders(), closed)
    recover_quietly(desk.recovery(f"{run_id}-recovery"), _slot(desk, switch, 0))
    for number in range(CALLS):
        slot = _slot(desk, switch, number)
        claim = desk.journal.claim(slot, run_id, UNSENT * desk.lease)
        if claim.held:
            return _work(desk, slot, claim, broker)
        told = _told(desk, slot, (), broker.open_orders(), _taken(claim))
        if told.flat or claim.kind is ClaimKind.RUNNING:
            return told
    raise InputError(f"flatten was called {CALLS} times under epoch {switch.epoch}: look at what is left by hand")


def _reduce_only(desk: Desk, actor: str, reason: str) -> Switch:
    """Where the switch stands when closing may begin; REDUCE_ONLY wherever it stood before."""
    halt_file, plan = desk.settings.halt_file, desk.plan.name
    seen = look(desk.journal, halt_file)
    if seen.switch.level is Level.REDUCE_ONLY:
        return seen.switch
    if seen.switch.level is Level.HALTED and not reason.strip():
        halted = f"everything is halted by {seen.switch.actor} at epoch {seen.switch.epoch}: {seen.switch.reason}"
        raise InputError(f"{halted}. {_all_the_same(desk)}")
    return loosen(desk.journal, halt_file, seen, Level.REDUCE_ONLY, actor, f"flatten {plan}: {reason}")


def _all_the_same(desk: Desk) -> str:
    return f'To close all the same, say why: openbell flatten {desk.plan.name} --reason "..."'


def _slot(desk: Desk, switch: Switch, number: int) -> Slot:
    return flatten_slot(desk.plan.name, switch.epoch, desk.resolved.exchange.session_of(desk.now()), number)


def _taken(claim: Claim) -> str:
    if claim.kind is ClaimKind.RUNNING:
        return f"run {claim.run_id} is at it: nothing was sent"
    return f"run {claim.run_id} has done it under this epoch: nothing was sent"


def _work(desk: Desk, slot: Slot, claim: Claim, broker: Broker) -> Flattened:
    ring = Ring(slot, claim.run_id, claim.fencing, wall_clock(), desk.now(), simulated=False, dry_run=False)
    guard = Guard(name="kill switch", passed=True, detail="flatten was called")
    run = Run(desk, Story(ring, desk.plan, (guard,)))
    canceled = cancel_all(desk.journal, broker, _keeping(run))
    reach("during-flatten")
    run.lease.shorten()
    market = bare_market(desk.resolved, broker, desk.feed.quotes, desk.journal, slot, desk.now())
    gated = _gated(desk, slot, market, broker)
    executed = send_exits(run, market, gated, as_held=True)
    story = run.story
    story.market, story.evaluation, story.gated, story.executed = market, Evaluation(()), gated, executed
    story.account = broker.account()
    told = _told(desk, slot, executed.orders, canceled.left, "")
    seal(run, Outcome.COMPLETED, "" if told.flat else "NOT_FLAT", "")
    return told


def _keeping(run: Run) -> Pace:
    """The pace of the desk, with the slot kept while it waits."""

    def wait(span: timedelta) -> None:
        run.desk.pace.wait(span)
        run.lease.keep()

    return replace(run.desk.pace, wait=wait)


def _gated(desk: Desk, slot: Slot, market: Market, broker: Broker) -> Gated:
    """The frozen plan of an earlier attempt, else one exit for each position with the verdict of every rule."""
    frozen: Frozen | None = desk.journal.frozen(slot)
    if frozen is not None:
        return Gated(frozen.intents, (), frozen.verdicts, broker.capabilities)
    prices = marks(market)
    intents = broker.capabilities.termed(closing_intents(market.account, slot, prices, market.activity.books))
    verdicts = judge(intents, desk.resolved.rules, book_of(desk.resolved, market, broker.capabilities))
    return Gated(intents, (), verdicts, broker.capabilities)


def _told(desk: Desk, slot: Slot, orders: tuple[Order, ...], open_orders: tuple[Order, ...], note: str) -> Flattened:
    broker = desk.broker()
    left = left_over(broker.account(), orders)
    return Flattened(broker.account_id, broker.environment, slot.key, orders, left, open_orders, note)
