"""A run of any job from claim to seal, without Prefect: one path for all, the stages between are the job's own."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

from openbell import loglines, strictness
from openbell.build import build
from openbell.calendar.slots import grace, slot_for
from openbell.calendar.window import decide_for
from openbell.crashpoints import reach
from openbell.desk import Desk
from openbell.errors import DataError, InputError, OpenbellError, StoreError
from openbell.jobs.dependencies import DEPENDENCIES, count, count_failure, probe
from openbell.jobs.telling import tell
from openbell.ports import Broker, Claim, ClaimKind, Frozen, OrderEvent
from openbell.stages.execute import sendable
from openbell.stages.fetch import with_history
from openbell.stages.guards import (
    BROKER_FAILURES,
    CALENDAR_DISAGREE,
    CLOCK,
    STALE,
    UNAVAILABLE,
    Situation,
    check,
)
from openbell.stages.judge import account_denials, account_limits
from openbell.stages.latch import latch
from openbell.stages.lease import UNSENT, Lease
from openbell.stages.permits import NOT_ARMED
from openbell.stages.protection import stale
from openbell.stages.recover import recover_quietly
from openbell.stages.report import headline
from openbell.stages.rollback import rolled_back
from openbell.stages.seal import Story, build_record
from openbell.values.account import Account
from openbell.values.job import JOBS, Job
from openbell.values.orders import OrderState
from openbell.values.record import Guard, Outcome, RunRecord
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from openbell.values.time import as_utc, iso
from openbell.values.work import Worked


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
        self.lease = Lease(desk.journal, story.ring.slot, story.ring.fencing, desk.lease, held=UNSENT * desk.lease)
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
    """Read the clock once, recover what died before, claim the slot, judge the guards.

    A SettingsError for a job that adds risk in an installation that its environment does not allow.
    """
    clock, started = desk.clock(), perf_counter()
    decided_for = clock if as_of is None else as_utc(as_of, "as_of")
    if decided_for > clock:
        raise InputError(f"as_of {iso(decided_for)} is after the clock, {iso(clock)}")
    slot = _slot(desk, job, planned, decided_for)
    if job.adds_risk:
        strictness.check(desk.settings, desk.plan)
    loglines.bind(plan=slot.plan, job=slot.job, slot=slot.key, run=run_id)
    claim, frozen = (None, None) if dry_run else _claimed(desk, job, slot, run_id)
    desk.hurry(job.urgent)
    fencing = claim.fencing if claim and claim.held else 0
    ring = Ring(slot, run_id, fencing, clock, decided_for, as_of is not None, dry_run)
    guards = check(_situation(desk, job, ring, claim, planned, started))
    _remember(desk, ring, guards)
    reach("after-guards")
    return Run(desk, Story(ring, desk.plan, guards), planned, frozen)


def _slot(desk: Desk, job: Job, planned: datetime | None, instant: datetime) -> Slot:
    """What adds risk answers to the instant that it was planned for, what protects to the newest that there is.

    So a backlog of runs that protect does its work once.
    """
    return slot_for(desk.plan, job, planned if job.adds_risk and planned else instant)


def _claimed(desk: Desk, job: Job, slot: Slot, run_id: str) -> tuple[Claim, Frozen | None]:
    """Recovery first, then the claim.

    Two runs that add risk would each decide without the orders of the other, so a job has one of them at a time.
    """
    recovery = f"{run_id}-recovery"
    desk.hurry(True)
    if job.sends:
        recover_quietly(desk.recovery(recovery), slot)
    return take(desk, slot, run_id, recovery if job.adds_risk else "")


def take(desk: Desk, slot: Slot, run_id: str, alone_but_for: str = "") -> tuple[Claim, Frozen | None]:
    """The claim of a slot, and the plan that an earlier attempt committed; one that is sealed counts as done."""
    reach("before-claim")
    claim = desk.journal.claim(slot, run_id, UNSENT * desk.lease, alone_but_for)
    reach("after-claim")
    if claim.kind is ClaimKind.DONE and slot.job in JOBS and JOBS[slot.job].repeats:
        claim = desk.journal.reopen(slot, run_id, UNSENT * desk.lease)
    if claim.kind is not ClaimKind.RESUMED:
        return claim, None
    if record := desk.sealed(slot, claim.died):
        desk.journal.release(slot, claim.fencing, record.outcome, record.code)
        return Claim(ClaimKind.DONE, record.id, 0), None
    return claim, desk.journal.frozen(slot)


def _situation(
    desk: Desk, job: Job, ring: Ring, claim: Claim | None, planned: datetime | None, started: float
) -> Situation:
    return Situation(
        plan=desk.plan,
        job=job,
        as_of=ring.as_of,
        switch=desk.journal.switch(),
        breaker=desk.journal.breaker(desk.plan.name, job.name),
        claim=claim,
        window=decide_for(job.hours, desk.plan.window, ring.as_of),
        late_by=None if planned is None else ring.clock - planned,
        grace=grace(desk.plan, job.name, ring.slot.planned) if job.adds_risk else timedelta(0),
        broker=desk.broker,
        simulated=ring.simulated,
        account_limits=partial(_account_limits, desk, ring),
        probe=partial(probe, desk, job, ring.dry_run),
        others=partial(desk.journal.breaker, desk.plan.name, job.name),
        unwatched=partial(_unwatched, desk, ring),
        rolled_back=partial(_rolled_back, desk, ring),
        standing=desk.permits.standing(desk.plan.name),
        build=build,
        clock=ring.clock,
        waited=lambda: timedelta(seconds=0 if ring.simulated else perf_counter() - started),
        remembered=lambda code: desk.permits.remembered(code, _subject(desk, ring, code)),
    )


def _subject(desk: Desk, ring: Ring, code: str) -> str:
    """What an alert with the code of a guard is about: a surprise closure counts for its session."""
    plan = desk.plan
    if code == CALENDAR_DISAGREE:
        return f"{plan.account.broker} {plan.window.exchange} {ring.slot.session}"
    return plan.name if code == NOT_ARMED else f"{plan.account.broker} {plan.account.name}"


def _remember(desk: Desk, ring: Ring, guards: Sequence[Guard]) -> None:
    """Tell people, once, of what later runs must remember; a clock that is right again is forgotten."""
    last = guards[-1]
    if ring.dry_run or ring.simulated:
        return
    if not last.passed and last.code in (CALENDAR_DISAGREE, CLOCK, NOT_ARMED):
        desk.journal.alert(last.code, _subject(desk, ring, last.code), last.detail)
    if JOBS[ring.slot.job].adds_risk and any(guard.name == "broker" and guard.passed for guard in guards):
        settled(desk, CLOCK, _subject(desk, ring, CLOCK), "openbell", "the clocks agree again")


def settled(desk: Desk, kind: str, subject: str, actor: str, reason: str) -> None:
    """Close the alert of that kind and subject, if one is open."""
    if not desk.permits.remembered(kind, subject):
        return
    for alert in desk.history.alerts(limit=1000):
        if (alert.kind, alert.subject) == (kind, subject):
            desk.journal.close_alert(alert.number, actor, reason)


def _account_limits(desk: Desk, ring: Ring, account: Account) -> str:
    known = with_history(account, account.reported_equity, desk.journal, ring.slot)
    if not ring.dry_run:
        latch(desk.journal, ring.slot, desk.resolved.rules, account_denials(desk.resolved, known))
    return account_limits(desk.resolved, known)


def _unwatched(desk: Desk, ring: Ring) -> str:
    """Why nobody looks after what the plan holds, which a person is told too; the past needs no watch."""
    if ring.simulated:
        return ""
    why = stale(desk.resolved, desk.exit_marks.read(desk.plan.name, desk.broker().account_id), ring.as_of)
    if why and not ring.dry_run:
        desk.journal.alert(STALE, desk.plan.name, why)
    return why


def _rolled_back(desk: Desk, ring: Ring, broker: Broker) -> str:
    return "" if ring.dry_run else rolled_back(desk.journal, desk.history, broker, ring.as_of)


# --- how it ends ---------------------------------------------------------------------------------------------


def whole(
    desk: Desk, job: Job, run_id: str, work: Callable[[Run], Worked], planned: datetime | None = None
) -> RunRecord:
    """One run of a job other than trading, in this process and without Prefect; ``work`` is its own stages."""
    run = begin(desk, job, run_id, planned)
    if run.blocked:
        return skip(run)
    try:
        return complete(run, work(run))
    except OpenbellError as error:
        return fail(run, error)


def complete(run: Run, worked: Worked) -> RunRecord:
    """A job other than trading has done its work, whatever came of it; sealed with what it found."""
    run.story.work = worked
    return seal(run, worked.outcome, worked.code, worked.message)


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
    """Seal the record and close the slot; the record's own words stand in when there is no message.

    Of a run that completed everything that the job depends on has answered.
    """
    ring, story, journal = run.ring, run.story, run.desk.journal
    elapsed = timedelta(seconds=perf_counter() - run.started)
    record = build_record(story, outcome, code, message, ring.clock + elapsed)
    if not message:
        record = record.model_copy(update={"message": headline(record)})
    reach("before-seal")
    succeeded = DEPENDENCIES if outcome is Outcome.COMPLETED else ()
    journal.seal(record, story.market.bars if story.market else None, ring.fencing, succeeded)
    reach("after-seal")
    tell(record)
    return record
