"""A run of a plan from claim to seal, without Prefect: flows call its pieces, tests and tools call it whole."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

from openbell.calendar.slots import grace, slot_of
from openbell.calendar.window import decide
from openbell.crashpoints import reach
from openbell.dependencies import count, count_failure, count_success, probe
from openbell.desk import Desk, wall_clock
from openbell.errors import BrokerError, DataError, InputError, OpenbellError, StoreError
from openbell.ports import Claim, ClaimKind, Forbidden, Frozen, OrderEvent
from openbell.stages.evaluate import Evaluation, evaluate
from openbell.stages.execute import Executed, Sender, execute, sendable
from openbell.stages.fetch import fetch, with_history
from openbell.stages.guards import BROKER_FAILURES, UNAVAILABLE, Situation, check
from openbell.stages.judge import Gated, account_limits, judge_signals
from openbell.stages.lastgate import closed_now
from openbell.stages.lease import Lease
from openbell.stages.recover import recover_quietly
from openbell.stages.report import headline
from openbell.stages.seal import Story, account_after, build_record
from openbell.stages.settle import settle_basket
from openbell.values.account import Account
from openbell.values.job import TRADE, Job
from openbell.values.market import Market
from openbell.values.orders import OrderState
from openbell.values.record import Outcome, RunRecord
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from openbell.values.time import as_utc, iso

#: A run that began in time may send for this long after its lateness limit; what is left then is abandoned.
WORK = timedelta(seconds=60)


class Run:
    """Desk and story of one run; plain, so that Prefect passes it from task to task as it is.

    ``started`` is the monotonic reading that durations are counted from. ``planned`` is when a schedule wanted the
    run, None when it was started by hand. ``frozen`` is the plan that an earlier attempt at the slot committed:
    the run executes it and decides nothing anew.
    """

    __slots__ = ("_lap", "desk", "frozen", "lease", "planned", "started", "story")

    def __init__(self, desk: Desk, story: Story, planned: datetime | None = None, frozen: Frozen | None = None) -> None:
        self.desk = desk
        self.story = story
        self.planned = planned
        self.frozen = frozen
        self.lease = Lease(desk.journal, story.ring.slot, story.ring.fencing, desk.lease)
        self.started = self._lap = perf_counter()

    def lap(self, stage: str) -> None:
        """Note how many seconds have gone by since the lap before, under the stage's name."""
        now = perf_counter()
        self.story.timings[stage] = round(now - self._lap, 6)
        self._lap = now

    @property
    def ring(self) -> Ring:
        """The run's identity."""
        return self.story.ring

    @property
    def blocked(self) -> bool:
        """Whether a guard stopped the run."""
        return not self.story.guards[-1].passed


# --- how it begins -------------------------------------------------------------------------------------------


def begin(
    desk: Desk,
    job: Job,
    run_id: str,
    planned: datetime | None = None,
    as_of: datetime | None = None,
    dry_run: bool = False,
) -> Run:
    """Read the clock once, recover what died before, claim the slot, judge the guards."""
    clock = wall_clock()
    decided_for = clock if as_of is None else as_utc(as_of, "as_of")
    if decided_for > clock:
        raise InputError(f"as_of {iso(decided_for)} is after the clock, {iso(clock)}")
    slot = slot_of(desk.plan, job.name, planned or decided_for)
    claim, frozen = (None, None) if dry_run else _claimed(desk, slot, run_id)
    fencing = claim.fencing if claim and claim.held else 0
    ring = Ring(slot, run_id, fencing, clock, decided_for, as_of is not None, dry_run)
    guards = check(_situation(desk, job, ring, claim, planned))
    reach("after-guards")
    return Run(desk, Story(ring, desk.plan, guards), planned, frozen)


def _claimed(desk: Desk, slot: Slot, run_id: str) -> tuple[Claim, Frozen | None]:
    """Recovery first, then the claim; a slot whose record is sealed already is closed and counts as done."""
    recover_quietly(desk.recovery(f"{run_id}-recovery"), slot)
    died = {expired.key: run for expired, _, run in desk.journal.expired()}
    reach("before-claim")
    claim = desk.journal.claim(slot, run_id, desk.lease)
    reach("after-claim")
    if claim.kind is not ClaimKind.RESUMED:
        return claim, None
    if record := desk.sealed(slot, died.get(slot.key, run_id)):
        desk.journal.release(slot, claim.fencing, record.outcome, record.code)
        return Claim(ClaimKind.DONE, record.id, 0), None
    return claim, desk.journal.frozen(slot)


def _situation(desk: Desk, job: Job, ring: Ring, claim: Claim | None, planned: datetime | None) -> Situation:
    return Situation(
        plan=desk.plan,
        as_of=ring.as_of,
        switch=desk.journal.switch(),
        breaker=desk.journal.breaker(desk.plan.name, job.name),
        claim=claim,
        window=decide(desk.plan.window, ring.as_of),
        late_by=None if planned is None else ring.clock - planned,
        grace=grace(desk.plan, job.name, ring.slot.planned),
        broker=desk.broker,
        simulated=ring.simulated,
        account_limits=partial(_account_limits, desk, ring.slot),
        probe=partial(probe, desk, job),
        adds_risk=job.adds_risk,
    )


def _account_limits(desk: Desk, slot: Slot, account: Account) -> str:
    return account_limits(desk.resolved, with_history(account, account.reported_equity, desk.journal, slot))


# --- its stages ----------------------------------------------------------------------------------------------


def fetch_market(run: Run) -> Market:
    """fetch-data, under a longer lease: nothing has been sent yet, and a feed may take its time."""
    desk, ring = run.desk, run.ring
    run.lease.stretch()
    market = fetch(desk.resolved, desk.feed, desk.broker(), desk.journal, ring.slot, ring.as_of)
    run.lease.shorten()
    run.lap("fetch-data")
    reach("after-fetch")
    return market


def evaluate_market(run: Run, market: Market) -> Evaluation:
    """evaluate-strategies; a resumed slot has decided already."""
    if run.frozen is not None:
        return Evaluation(())
    reach("during-evaluate")
    dropped = {symbol.symbol for symbol in market.checked.dropped}
    evaluation = evaluate(run.desk.resolved.seats, market.bars, dropped)
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
    run.lap("risk-gate")
    return gated


def send_orders(run: Run, market: Market, gated: Gated) -> Executed:
    """execute-orders, then a look at what is unknown before the slot is closed."""
    if run.ring.dry_run:
        return Executed(gated.intents, gated.verdicts, (), ())
    sender = sender_of(run, market)
    sender.lease.keep()
    executed = execute(sender, sender.broker.account_id, gated.intents, gated.verdicts)
    settled = settle_basket(sender, executed, run.desk.pace)
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
        now=desk.now,
        closed=_closed(run),
        lease=run.lease,
    )


def _closed(run: Run) -> Callable[[], Forbidden | None]:
    """Window and lateness, read again for each order."""
    desk, planned = run.desk, run.planned
    latest = None if planned is None else planned + WORK + grace(desk.plan, run.ring.slot.job, run.ring.slot.planned)

    def closed() -> Forbidden | None:
        now = desk.now()
        if latest is not None and now > latest:
            return Forbidden("LATE", f"{iso(now)} is after {iso(latest)}, the latest to send for this slot")
        return closed_now(desk.resolved, now)

    return closed


# --- how it ends ---------------------------------------------------------------------------------------------


def finish(run: Run, market: Market, evaluation: Evaluation, gated: Gated, executed: Executed) -> RunRecord:
    """persist-audit: everything was decided, sent and is sealed."""
    story = run.story
    story.market, story.evaluation, story.gated, story.executed = market, evaluation, gated, executed
    story.account = _after(run, executed, market)
    record = seal(run, Outcome.COMPLETED, "", "")
    count_success(run.desk, run.ring)
    return record


def _after(run: Run, executed: Executed, market: Market) -> Account:
    """The account at the end; the one before when the broker does not answer any more."""
    try:
        return account_after(run.desk.broker(), executed, market.account)
    except BrokerError:
        return market.account


def skip(run: Run) -> RunRecord:
    """A guard blocked the run; what an earlier attempt had left to send is given up under the same code."""
    blocking = run.story.guards[-1]
    if blocking.code in BROKER_FAILURES:
        count(run.desk, run.ring, "broker", blocking.detail, at_once=blocking.code != UNAVAILABLE)
    if run.frozen is not None:
        _give_up(run, run.frozen, f"{blocking.code}: {blocking.detail}")
    return seal(run, Outcome.SKIPPED, blocking.code, "")


def _give_up(run: Run, frozen: Frozen, why: str) -> None:
    journal, now = run.desk.journal, run.desk.now()
    for intent in sendable(frozen):
        if frozen.states[intent.id] is OrderState.APPROVED:
            journal.record(OrderEvent(intent.id, OrderState.ABANDONED, now, why))
        if frozen.states[intent.id] is OrderState.SENDING:
            journal.record(OrderEvent(intent.id, OrderState.UNKNOWN, now, "an earlier attempt ended before the answer"))
            journal.alert("UNKNOWN_ORDER", intent.id, why)


def fail(run: Run, error: OpenbellError) -> RunRecord:
    """A promise was broken: stored with what was known until then. What is left unsent is left to recovery."""
    code = "DATA" if isinstance(error, DataError) else type(error).__name__
    count_failure(run.desk, run.ring, error)
    try:
        return seal(run, Outcome.FAILED, code, str(error))
    except StoreError as worse:
        raise StoreError(f"{error}; and the end of the run could not be written: {worse}") from error


def seal(run: Run, outcome: Outcome, code: str, message: str) -> RunRecord:
    """Seal the record and close the slot; the record's own words stand in when there is no message."""
    ring, story, journal = run.ring, run.story, run.desk.journal
    elapsed = timedelta(seconds=perf_counter() - run.started)
    record = build_record(story, outcome, code, message, ring.clock + elapsed)
    if not message:
        record = record.model_copy(update={"message": headline(record)})
    reach("before-seal")
    journal.seal(record, story.market.bars if story.market else None)
    reach("after-seal")
    if ring.fencing:
        journal.release(ring.slot, ring.fencing, outcome, code)
        reach("after-release")
    return record


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
