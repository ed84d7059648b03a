"""Closing an account down at a person's word: cancel-all and flatten, with or without Prefect."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from openbell.crashpoints import reach
from openbell.desk import Desk, wall_clock
from openbell.errors import InputError
from openbell.jobs import Run, seal
from openbell.ports import Broker, Claim, ClaimKind, Frozen, Level, Switch
from openbell.reducing import send_exits
from openbell.risk.gate import judge
from openbell.stages.evaluate import Evaluation
from openbell.stages.fetch import marks
from openbell.stages.flatten import Canceled, cancel_all, closing_intents, flatten_slot, left_over
from openbell.stages.judge import Gated, book_of
from openbell.stages.lastgate import bare_market
from openbell.stages.lease import UNSENT
from openbell.stages.recover import recover_quietly
from openbell.stages.seal import Story
from openbell.values.market import Market
from openbell.values.orders import Order
from openbell.values.record import Guard, Outcome
from openbell.values.ring import Ring
from openbell.values.slot import Slot


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

    Under HALTED nothing may be sent, exits included: that is an InputError. A closed venue takes no order, so
    nothing is frozen and a later press can do it.
    """
    switch = _reduce_only(desk, actor, reason)
    broker, slot = desk.broker(), _slot(desk, switch)
    if not broker.clock().is_open:
        return _told(desk, slot, (), broker.open_orders(), "the venue is closed: nothing was sent, press again later")
    recover_quietly(desk.recovery(f"{run_id}-recovery"), slot)
    claim = desk.journal.claim(slot, run_id, UNSENT * desk.lease)
    if not claim.held:
        return _told(desk, slot, (), broker.open_orders(), _taken(claim))
    return _work(desk, slot, claim, broker)


def _reduce_only(desk: Desk, actor: str, reason: str) -> Switch:
    switch = desk.journal.switch()
    if switch.level is Level.HALTED:
        raise InputError("everything is halted, exits too: `openbell reduce-only --reason ...` first, then flatten")
    if switch.level is Level.REDUCE_ONLY:
        return switch
    return desk.journal.set_switch(Level.REDUCE_ONLY, actor, f"flatten {desk.plan.name}: {reason}", switch.epoch)


def _slot(desk: Desk, switch: Switch) -> Slot:
    return flatten_slot(desk.plan.name, switch.epoch, desk.resolved.exchange.session_of(desk.now()))


def _taken(claim: Claim) -> str:
    if claim.kind is ClaimKind.RUNNING:
        return f"run {claim.run_id} is at it: nothing was sent"
    return f"run {claim.run_id} has done it under this epoch: nothing was sent"


def _work(desk: Desk, slot: Slot, claim: Claim, broker: Broker) -> Flattened:
    ring = Ring(slot, claim.run_id, claim.fencing, wall_clock(), desk.now(), simulated=False, dry_run=False)
    guard = Guard(name="kill switch", passed=True, detail="flatten was called")
    run = Run(desk, Story(ring, desk.plan, (guard,)))
    canceled = cancel_all(desk.journal, broker, desk.pace)
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


def _gated(desk: Desk, slot: Slot, market: Market, broker: Broker) -> Gated:
    """The frozen plan of an earlier attempt, else one exit for each position with the verdict of every rule."""
    frozen: Frozen | None = desk.journal.frozen(slot)
    if frozen is not None:
        return Gated(frozen.intents, (), frozen.verdicts, broker.capabilities)
    prices = marks(market)
    intents = closing_intents(market.account, slot, prices, market.activity.books)
    verdicts = judge(intents, desk.resolved.rules, book_of(desk.resolved, market, broker.capabilities))
    return Gated(intents, (), verdicts, broker.capabilities)


def _told(desk: Desk, slot: Slot, orders: tuple[Order, ...], open_orders: tuple[Order, ...], note: str) -> Flattened:
    broker = desk.broker()
    left = left_over(broker.account(), orders)
    return Flattened(broker.account_id, broker.environment, slot.key, orders, left, open_orders, note)
