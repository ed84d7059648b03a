"""The exits job: every half minute a look at what the plan holds, and an order for what a rule closes.

A run has its slot as any other. It looks at each instant of the schedule that falls into its minute; a look that
sends nothing writes one row, that it was there, and counts in the record of the run. What is sent is frozen, judged,
marked and sealed under the slot of its own look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from openbell.calendar.slots import slot_at
from openbell.desk import Desk
from openbell.errors import BrokerError, DataError
from openbell.jobs import resting
from openbell.jobs.exit_look import look, own
from openbell.jobs.reducing import send_exits
from openbell.jobs.resting import BARE, is_resting
from openbell.jobs.run import Run, complete, take, whole
from openbell.ports import Level
from openbell.ports.exits import Watch
from openbell.stages.execute import Executed
from openbell.stages.exit_decision import Look, Meant, gated_exits, kept
from openbell.stages.exit_story import NAMED, NOT_SENT, Alerts, Swept, joined, sent, worked
from openbell.stages.exits import Wanted, ask_quotes
from openbell.stages.guards import STALE
from openbell.stages.judge import Gated
from openbell.stages.lastgate import market_of
from openbell.stages.protection import open_gap
from openbell.stages.resting import at_rest, without
from openbell.stages.seal import Story, account_after
from openbell.stages.steps import STOP_CANCELED
from openbell.values.account import Account
from openbell.values.job import EXITS
from openbell.values.market import Checked, Market
from openbell.values.orders import OrderIntent
from openbell.values.record import RunRecord
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from openbell.values.time import iso
from openbell.values.verdict import Decision
from openbell.values.work import Worked

#: How long a run goes on looking; then the next one begins.
SPAN = timedelta(minutes=1)
#: Time without a look, while the exchange is open, that a person is told of.
LONGEST_GAP = timedelta(seconds=90)
#: Kinds of alerts; each is closed again by a run that finds no more reason for it.
LATE, UNPRICED, DENIED, FAILED = "EXITS_LATE", "EXIT_PRICE_UNKNOWN", "EXIT_DENIED", "EXIT_FAILED"
KINDS = (LATE, UNPRICED, DENIED, FAILED, STALE, BARE, STOP_CANCELED)
#: Open alerts that are gone through, and an instant's smallest step.
_ALERTS, _TICK = 1000, timedelta(microseconds=1)


def exits(desk: Desk, run_id: str, planned: datetime | None = None) -> RunRecord:
    """The exits run as the flow ``exits`` tells it, in this process and without Prefect."""
    return whole(desk, EXITS, run_id, look_at_all, planned)


def look_at_all(run: Run) -> Worked:
    """Every look of the run, and what they come to."""
    return summed(run, [sweep(run, slot) for slot in looks(run)])


def looks(run: Run) -> Iterator[Slot]:
    """The slot of each look of the run once its time has come: its own, then what the schedule has in its minute.

    A run by hand looks once.
    """
    desk, first = run.desk, run.ring.slot.planned + _TICK
    yield run.ring.slot
    end = run.planned + SPAN if run.planned else first
    for planned in desk.resolved.grids[EXITS.name].between(first, end):
        if (early := planned - desk.now()) > timedelta(0):
            run.lease.stretch()  # nobody may take the slot of a run that only waits
            desk.wait(early)
        yield slot_at(desk.plan, EXITS.name, planned)


# --- one look ------------------------------------------------------------------------------------------------


def sweep(run: Run, slot: Slot) -> Swept:
    """One look and what follows from it; when feed or broker do not answer, this look has failed and the next may not.

    What an earlier attempt had frozen for the slot is sent first, and nothing is judged anew.
    """
    try:
        return _resume(run) if run.frozen and slot == run.ring.slot else _sweep(run, slot)
    except (BrokerError, DataError) as error:
        return Swept({"failed": 1}, error=error)


def _sweep(run: Run, slot: Slot) -> Swept:
    desk, now = run.desk, run.desk.now()
    marks, account = desk.exit_marks, desk.broker().account_id
    watch = marks.read(desk.plan.name, account)
    late = _late(desk, watch, now)
    if not own(watch) and not at_rest(desk.journal, account):
        marks.tick(desk.plan.name, account, now, watch.fill, ())
        return joined([Swept({"looks": 1}), late])
    seen = look(desk, watch, now)
    marks.tick(desk.plan.name, account, now, watch.fill, seen.entries)
    return joined([late, _seen(desk, seen), _close(run, slot, seen)])


def _late(desk: Desk, watch: Watch, now: datetime) -> Swept:
    """A page when nobody has looked for too long at something that is held."""
    if watch.last is None or not own(watch):
        return Swept()
    gap = open_gap(desk.resolved, watch.last, now)
    if gap <= LONGEST_GAP:
        return Swept()
    return _alert(desk, LATE, "", f"no look at the positions for {gap.total_seconds():.0f} s, until {iso(now)}")


def _seen(desk: Desk, seen: Look) -> Swept:
    unknown, held = seen.priced.unknown, len(seen.entries)
    numbers = Swept({"looks": 1, "fired": len(seen.fired)}, held, unknown=unknown)
    if not unknown:
        return numbers
    some = "; ".join(f"{symbol}: {why}" for symbol, why in list(unknown.items())[:NAMED])
    return joined([numbers, _alert(desk, UNPRICED, "", f"{len(unknown)} of {held} positions have no price: {some}")])


# --- closing -------------------------------------------------------------------------------------------------


def _close(run: Run, slot: Slot, seen: Look) -> Swept:
    """Orders for what fired, and stops at the broker for the rest where the plan wants them.

    Under HALTED nothing is even frozen, and what the gate denies is not either.
    """
    desk, meant = run.desk, resting.meant(run.desk, seen, slot)
    bare = [_bare(desk, symbol, "it was refused a while ago") for symbol in meant.refused]
    quiet = joined([Swept({"waiting": len(meant.wanted.waiting)}), *bare])
    if not meant.wanted.intents and not meant.stale:
        return quiet
    switch = desk.journal.switch()
    if switch.level is Level.HALTED:
        return joined([quiet, Swept({"halted": len(meant.wanted.intents)})])
    return joined([quiet, _cleared_and_sent(run, slot, seen, meant)])


def _cleared_and_sent(run: Run, slot: Slot, seen: Look, meant: Meant) -> Swept:
    """Judge, take back the stops that are in the way, and send what is left to send."""
    desk, market = run.desk, _market(run.desk, slot, seen, meant)
    gated, denied = _gated(desk, market, meant.wanted)
    gated, waiting = resting.cleared(desk, meant, gated)
    numbers = Swept({"waiting": waiting})
    if all(verdict.decision is Decision.DENIED for verdict in gated.verdicts):
        return joined([numbers, denied])
    turn = _turn(run, slot, seen.now)
    if turn is None:
        return numbers
    if turn.frozen is None:
        turn.story.look, turn.story.evaluation = kept(seen, meant, gated), seen.evaluation
    return joined([numbers, denied, _send(run, turn, market, gated, seen.checked)])


def _market(desk: Desk, slot: Slot, seen: Look, meant: Meant) -> Market:
    """What the gate judges; whatever else the account holds is priced as well, for its equity."""
    open_orders = without(seen.open_orders, meant.lifted)
    known = seen.priced.quotes
    others = [symbol for symbol in sorted(seen.account.positions) if symbol not in known]
    quotes = {**known, **ask_quotes(desk.feed.quotes, others, seen.now)}
    broker = desk.broker()
    return market_of(desk.resolved, broker, desk.journal, slot, seen.now, seen.account, open_orders, quotes)


def _gated(desk: Desk, market: Market, wanted: Wanted) -> tuple[Gated, Swept]:
    gated = gated_exits(desk.resolved, market, wanted, desk.broker().capabilities)
    denied = [verdict for verdict in gated.verdicts if verdict.decision is Decision.DENIED]
    alerts = [
        _lost(desk, wanted.intents, v.intent_id, DENIED, v.symbol, f"{v.rule}: {v.measured} against {v.limit}")
        for v in denied
    ]
    return gated, joined([Swept({"denied": len(denied)}), *alerts])


def _turn(run: Run, slot: Slot, now: datetime) -> Run | None:
    """The run that sends for a slot: this one for its own, a part of it for a later one; None when it is taken."""
    if slot == run.ring.slot:
        return run
    run_id = f"{run.ring.run_id}-{slot.planned:%H%M%S}"
    claim, frozen = take(run.desk, slot, run_id)
    if not claim.held:
        return None
    ring = Ring(slot, run_id, claim.fencing, now, now, run.ring.simulated, dry_run=False)
    return Run(run.desk, Story(ring, run.desk.plan, run.story.guards), frozen=frozen)


def _resume(run: Run) -> Swept:
    """An earlier attempt had decided: its frozen plan is executed."""
    desk, broker, now = run.desk, run.desk.broker(), run.desk.now()
    account, open_orders = broker.account(), broker.open_orders()
    quotes = ask_quotes(desk.feed.quotes, sorted(account.positions), now)
    market = market_of(desk.resolved, broker, desk.journal, run.ring.slot, now, account, open_orders, quotes)
    return _send(run, run, market, Gated((), (), (), broker.capabilities))


def _send(run: Run, turn: Run, market: Market, gated: Gated, asked: Checked | None = None) -> Swept:
    """Send, and seal a record of its own where the look was not the run's first.

    The record names the bars that strategies were ``asked`` on; prices are those of the quotes all the same.
    """
    desk, story = run.desk, turn.story
    if turn.frozen is not None:
        gated = Gated(turn.frozen.intents, (), turn.frozen.verdicts, gated.capabilities)
    turn.lease.shorten()
    executed = send_exits(turn, market, gated)
    story.market, story.gated, story.executed = replace(market, checked=asked or market.checked), gated, executed
    story.prices = {symbol: quote.mid for symbol, quote in market.quotes.items()}
    story.account = _after(desk, executed, market)
    swept = _sent(desk, executed)
    if turn is not run:
        complete(turn, worked(swept))
    return swept


def _after(desk: Desk, executed: Executed, market: Market) -> Account:
    """The account at the end; the one before when the broker does not answer any more."""
    try:
        return account_after(desk.broker(), executed, market.account)
    except BrokerError:
        return market.account


def _sent(desk: Desk, executed: Executed) -> Swept:
    lost = [order for order in executed.orders if order.state in NOT_SENT]
    intents = executed.intents
    alerts = [
        _lost(desk, intents, order.client_id, FAILED, order.symbol, f"{order.state}: {order.reason}") for order in lost
    ]
    return joined([sent(executed.orders, executed.verdicts), *alerts])


# --- what a person is told -----------------------------------------------------------------------------------


def _lost(desk: Desk, intents: Sequence[OrderIntent], client_id: str, kind: str, symbol: str, why: str) -> Swept:
    """What became of an exit that did not go; a stop is told as one, and is not tried again for a while."""
    return _bare(desk, symbol, why) if is_resting(intents, client_id) else _alert(desk, kind, symbol, why)


def _bare(desk: Desk, symbol: str, why: str) -> Swept:
    return _alert(desk, BARE, symbol, f"no stop rests at the broker, the job alone watches the position: {why}")


def _alert(desk: Desk, kind: str, symbol: str, detail: str) -> Swept:
    subject = f"{desk.plan.name}/{symbol}".removesuffix("/")
    desk.journal.alert(kind, subject, detail)
    return Swept(alerts=frozenset({(kind, subject)}))


def summed(run: Run, swept: Sequence[Swept]) -> Worked:
    """What the looks of a run come to; when all of them failed, so has the run.

    Alerts that no look found a reason for any more are closed.
    """
    total = joined(swept)
    if total.error is not None and all(one.error for one in swept):
        raise total.error
    if total.error is None:
        _close_alerts(run.desk, total.alerts)
    return worked(total)


def _close_alerts(desk: Desk, standing: Alerts) -> None:
    for alert in desk.history.alerts(limit=_ALERTS):
        ours = alert.kind in KINDS and alert.subject.partition("/")[0] == desk.plan.name
        if ours and (alert.kind, alert.subject) not in standing:
            desk.journal.close_alert(alert.number, "openbell", "the exits job finds no reason for it any more")
