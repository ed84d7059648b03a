"""A trading run, without Prefect: flows call its stages, tests and tools call it whole."""

from collections.abc import Callable
from datetime import datetime, timedelta

from openbell.calendar.slots import grace
from openbell.crashpoints import reach
from openbell.desk import Desk
from openbell.errors import BrokerError, OpenbellError
from openbell.jobs.asking import asking
from openbell.jobs.run import Run, begin, fail, seal, skip
from openbell.jobs.stops import make_way, unstopped
from openbell.ports import Forbidden
from openbell.stages.due import evaluate_due
from openbell.stages.evaluate import Evaluation
from openbell.stages.execute import Executed, Sender, execute
from openbell.stages.fetch import fetch
from openbell.stages.judge import Gated, judge_signals
from openbell.stages.lastgate import closed_now
from openbell.stages.latch import latch
from openbell.stages.protection import held_back, orphaned, without_orphans
from openbell.stages.seal import account_after
from openbell.stages.settle import settle_basket
from openbell.values.account import Account
from openbell.values.job import TRADE
from openbell.values.market import Market
from openbell.values.record import Outcome, RunRecord
from openbell.values.time import iso
from openbell.values.verdict import Decision

#: Kind of the alert about positions of strategies that are gone.
ORPHANED = "STRATEGY_GONE"
#: A run that began in time may send for this long after its lateness limit; what is left then is abandoned.
WORK = timedelta(seconds=60)


def fetch_market(run: Run) -> Market:
    """fetch-data, under the long lease of a run that has sent nothing yet: a feed may take its time."""
    desk, ring = run.desk, run.ring
    market = unstopped(desk, fetch(desk.resolved, desk.feed, desk.broker(), desk.journal, ring.slot, ring.as_of))
    run.lap("fetch-data")
    reach("after-fetch")
    return market


def evaluate_market(run: Run, market: Market) -> Evaluation:
    """evaluate-strategies; a resumed slot has decided already."""
    if run.frozen is not None:
        return Evaluation(())
    reach("during-evaluate")
    evaluation = evaluate_due(run.desk.resolved, market, run.ring.slot.planned, asking(run.desk.settings))
    run.lease.keep()
    run.lap("evaluate-strategies")
    reach("after-evaluate")
    return evaluation


def gate(run: Run, market: Market, evaluation: Evaluation) -> Gated:
    """risk-gate; a resumed slot has the verdicts that were frozen with its plan."""
    capabilities = run.desk.broker().capabilities
    if run.frozen is not None:
        return Gated(run.frozen.intents, (), run.frozen.verdicts, capabilities)
    gated = judge_signals(run.desk.resolved, market, evaluation.signals, run.ring.slot, capabilities)
    gated = without_orphans(held_back(gated, run.story.guards), _orphans(run, market))
    run.lap("risk-gate")
    return gated


def _orphans(run: Run, market: Market) -> str:
    left = orphaned(run.desk.resolved, market.activity.books)
    if left and not run.ring.dry_run:
        run.desk.journal.alert(
            ORPHANED, run.desk.plan.name, f"{left}: name it in the plan again, or `openbell reassign`"
        )
    return left


def send_orders(run: Run, market: Market, gated: Gated) -> Executed:
    """execute-orders, then a look at what is unknown before the slot is closed.

    A plan of which nothing may be sent is not committed by itself: it is written with the record.
    """
    if run.ring.dry_run:
        return Executed(gated.intents, gated.verdicts, (), ())
    denied = all(verdict.decision is Decision.DENIED for verdict in gated.verdicts)
    if denied and run.frozen is None:
        latch(run.desk.journal, run.ring.slot, run.desk.resolved.rules, gated.verdicts)
        run.lap("execute-orders")
        return Executed(gated.intents, gated.verdicts, (), ())
    sender = sender_of(run, market)
    if not denied:
        sender.lease.shorten()
        make_way(run.desk, sender.broker.account_id, gated)
    executed = execute(sender, sender.broker.account_id, gated.intents, gated.verdicts)
    run.desk.hurry(TRADE.urgent)
    settled = settle_basket(sender, executed)
    run.lap("execute-orders")
    return settled


def sender_of(run: Run, market: Market) -> Sender:
    """Who sends for a run."""
    desk, ring = run.desk, run.ring
    return Sender(
        desk=desk.resolved,
        journal=desk.journal,
        broker=desk.broker(),
        quotes=desk.feed.quotes,
        market=market,
        slot=ring.slot,
        fencing=ring.fencing,
        since=ring.as_of if run.frozen is None else ring.slot.planned - timedelta(hours=1),
        pace=desk.pace,
        closed=_closed(run),
        lease=run.lease,
        begins=desk.sending,
    )


def _closed(run: Run) -> Callable[[datetime], Forbidden | None]:
    """Window and lateness of an instant, asked again for each order."""
    desk, planned = run.desk, run.planned
    latest = None if planned is None else planned + WORK + grace(desk.plan, run.ring.slot.job, run.ring.slot.planned)

    def closed(now: datetime) -> Forbidden | None:
        if latest is not None and now > latest:
            return Forbidden("LATE", f"{iso(now)} is after {iso(latest)}, the latest to send for this slot")
        return closed_now(desk.resolved, now)

    return closed


def finish(run: Run, market: Market, evaluation: Evaluation, gated: Gated, executed: Executed) -> RunRecord:
    """persist-audit: everything was decided, sent and is sealed."""
    story = run.story
    story.market, story.evaluation, story.gated, story.executed = market, evaluation, gated, executed
    story.account = _after(run, executed, market)
    return seal(run, Outcome.COMPLETED, "", "")


def _after(run: Run, executed: Executed, market: Market) -> Account:
    """The account at the end; the one before when the broker does not answer any more."""
    try:
        return account_after(run.desk.broker(), executed, market.account)
    except BrokerError:
        return market.account


def trade(
    desk: Desk, run_id: str, planned: datetime | None = None, as_of: datetime | None = None, dry_run: bool = False
) -> RunRecord:
    """The trading run as the flow ``trade`` tells it, in this process and without Prefect."""
    run = begin(desk, TRADE, run_id, planned, as_of, dry_run)
    if run.blocked:
        return skip(run)
    try:
        market = fetch_market(run)
        evaluation = evaluate_market(run, market)
        gated = gate(run, market, evaluation)
        return finish(run, market, evaluation, gated, send_orders(run, market, gated))
    except OpenbellError as error:
        return fail(run, error)
