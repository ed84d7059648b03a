"""The preconditions of a run, in their fixed order; the first that blocks names itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.calendar.agree import ALWAYS, disagreements
from openbell.calendar.exchange import exchange
from openbell.calendar.horizon import horizon
from openbell.calendar.window import WindowDecision
from openbell.errors import BrokerError, InputError, KeysRefused, WrongAccount
from openbell.ports import Breaker, Broker, BrokerClock, Claim, ClaimKind, KeepsCalendar, Level, Switch
from openbell.ports.permits import Standing
from openbell.stages.permits import NOT_ARMED, other_account, other_build, switched_off, unarmed
from openbell.values.account import Account
from openbell.values.instrument import is_coin
from openbell.values.job import Job, WorkingHours
from openbell.values.plan import Plan
from openbell.values.record import Guard
from openbell.values.time import iso

#: Code of a run whose entries wait until the exits job looks again.
STALE = "PROTECTION_STALE"
#: A venue whose clock is further from ours than the first gets no new risk until it is as near as the second.
CLOCK_LIMIT, CLOCK_GOOD = timedelta(seconds=2), timedelta(seconds=1)
CLOCK, CALENDAR_DISAGREE = "CLOCK", "CALENDAR_DISAGREE"
UNAVAILABLE, KEYS_REFUSED, ACCOUNT_BLOCKED = "BROKER_UNAVAILABLE", "KEYS_REFUSED", "ACCOUNT_BLOCKED"
ENVIRONMENT, NOT_SET_UP = "ENVIRONMENT", "NOT_SET_UP"
#: Codes that count for the broker's breaker; all but the first open it at once.
BROKER_FAILURES = (UNAVAILABLE, KEYS_REFUSED, ACCOUNT_BLOCKED)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the guards judge. Questions to the broker are asked only when everything before has passed.

    ``late_by`` is how long after its planned instant the run looked at the clock, None where lateness has no
    meaning (started by hand, or for a given ``as_of``). ``probe`` asks one read-only question that counts for an
    open breaker and returns the breaker after it, ``others`` the job's breaker that matters most then;
    ``unwatched`` says why nobody looks after what is held,
    ``rolled_back`` why the store may be an old copy. ``standing`` is what people allow the plan, by ``clock``, which
    is the real time where ``as_of`` is a given one; ``waited`` is the time that has passed since. ``remembered``
    tells what a run before found wrong with the venue's calendar or clock, by code, until it is put right; ``build``
    is the code that runs.
    """

    plan: Plan
    job: Job
    as_of: datetime
    switch: Switch
    breaker: Breaker
    claim: Claim | None
    window: WindowDecision
    late_by: timedelta | None
    grace: timedelta
    broker: Callable[[], Broker]
    simulated: bool
    account_limits: Callable[[Account], str]
    probe: Callable[[Breaker], Breaker]
    others: Callable[[], Breaker] = lambda: Breaker(False, 0)
    unwatched: Callable[[], str] = lambda: ""
    rolled_back: Callable[[Broker], str] = lambda _: ""
    standing: Standing = field(default_factory=Standing)
    clock: datetime | None = None
    waited: Callable[[], timedelta] = lambda: timedelta(0)
    remembered: Callable[[str], str] = lambda _: ""
    build: Callable[[], str] = lambda: ""


def check(situation: Situation) -> tuple[Guard, ...]:
    """The guards passed so far; the last one blocks the run when its ``passed`` is false."""
    results: list[Guard] = []
    for guard in _guards(situation):
        results.append(guard)
        if not guard.passed:
            break
    return tuple(results)


def _guards(s: Situation) -> Iterator[Guard]:
    yield _enabled(s)
    yield _halted(s)
    yield _breaker(s)
    yield _slot(s.claim)
    yield _window(s)
    yield _lateness(s)
    if s.job.asks_broker:
        yield from _broker(s)


def _guard(name: str, passed: bool, code: str, detail: str) -> Guard:
    return Guard(name=name, passed=passed, code="" if passed else code, detail=detail if not passed else "")


def _enabled(s: Situation) -> Guard:
    """By its file, by the store, and on a live account by a person's word of today."""
    plan, job = s.plan, s.job
    if not plan.enabled:
        return _guard("enabled", False, "DISABLED", f"plan {plan.name} is not enabled")
    if not plan.rings(job.name).enabled:
        return _guard("enabled", False, "JOB_DISABLED", f"{job.name} of {plan.name} is not enabled")
    if off := switched_off(plan.name, job.name, s.standing):
        return _guard("enabled", False, *off)
    if why := unarmed(plan, s.standing, s.clock or s.as_of) if job.sends else "":
        return _guard("enabled", False, NOT_ARMED, why)
    other = other_build(plan, s.standing, s.build()) if job.adds_risk and plan.mode == "live" else ""
    return _guard("enabled", not other, "VERSION", other)


def _halted(s: Situation) -> Guard:
    switch = s.switch
    if not s.job.sends:
        return Guard(name="halted", passed=True, detail="it sends nothing" if switch.level is Level.HALTED else "")
    detail = f"{switch.level} by {switch.actor or 'nobody named'}: {switch.reason or 'no reason given'}"
    return _guard("halted", switch.level is not Level.HALTED, "HALTED", detail)


def _breaker(s: Situation) -> Guard:
    """Half-open: from ``retry_at`` on each run asks one read-only question; it goes on once the breaker has closed."""
    standing = s.breaker
    if not standing.open:
        return Guard(name="breaker", passed=True)
    if not s.job.adds_risk:
        return Guard(name="breaker", passed=True, detail="open, which does not hold back what protects")
    why = f"{standing.dependency or 'a dependency'}: {standing.reason or f'{standing.failures} failures'}"
    if standing.latched or standing.retry_at is None:
        return _guard("breaker", False, "BREAKER", f"{why}; it waits for `openbell breaker reset`")
    if s.as_of < standing.retry_at:
        return _guard("breaker", False, "BREAKER", f"{why}; the next probe is at {iso(standing.retry_at)}")
    after = s.probe(standing)
    if not after.open and (other := s.others()).open:
        open_yet = f"{other.dependency or 'another'} is open: {other.reason}"
        return _guard("breaker", False, "BREAKER_PROBE", f"{why}, closed now; {open_yet}")
    word = f"{after.probes} good probes" if after.probes else f"the probe failed: {after.reason}"
    return _guard("breaker", not after.open, "BREAKER_PROBE", f"{why}; {word}")


def _slot(claim: Claim | None) -> Guard:
    if claim is None:
        return Guard(name="slot", passed=True, detail="dry run: the slot is not claimed")
    code = {ClaimKind.RUNNING: "OVERLAP", ClaimKind.DONE: "DUPLICATE_RUN"}.get(claim.kind, "")
    words = "run {} is still at work" if claim.kind is ClaimKind.RUNNING else "the slot was taken by run {}"
    return _guard("slot", claim.held, code, words.format(claim.run_id))


def _window(s: Situation) -> Guard:
    if s.window.open and s.job.adds_risk and s.plan.mode == "live":
        ahead = horizon(s.plan.window.exchange, s.as_of)
        if ahead.too_near:
            return _guard("window", False, "CALENDAR_HORIZON", f"{ahead.words}: update exchange-calendars")
    return _guard("window", s.window.open, s.window.code, s.window.detail)


def _lateness(s: Situation) -> Guard:
    if s.late_by is None:
        return Guard(name="lateness", passed=True, detail="not started by a schedule")
    if not s.job.adds_risk:
        return Guard(name="lateness", passed=True, detail="protective: it runs once, however late")
    late = f"{s.late_by.total_seconds():.1f} s late, the limit is {s.grace.total_seconds():.0f} s"
    return _guard("lateness", s.late_by <= s.grace, "LATE", late)


def _broker(s: Situation) -> Iterator[Guard]:
    try:
        broker = s.broker()
        (clock, apart), account = _asked(s, broker), broker.account()
    except (BrokerError, InputError) as error:
        yield _guard("broker", False, _reason(error), str(error))
        return
    yield _agreement(s, broker, clock, apart)
    if s.job.sends:
        yield _books(s, broker)
    if s.job.adds_risk:
        yield _account_risk(s, account)
        yield from _protection(s)


def _reason(error: BrokerError | InputError) -> str:
    """What could not be opened as it is set up waits for a person, what did not answer for the next run."""
    if isinstance(error, WrongAccount):
        return ENVIRONMENT
    if isinstance(error, InputError):
        return NOT_SET_UP
    return KEYS_REFUSED if isinstance(error, KeysRefused) else UNAVAILABLE


def _agreement(s: Situation, broker: Broker, clock: BrokerClock, apart: timedelta) -> Guard:
    """Mode of the plan, class of the account, and who was armed; then clocks and calendars. Closed wins."""
    if broker.environment != s.plan.mode:
        detail = f"the plan says {s.plan.mode}, the account says {broker.environment}"
        return _guard("broker", False, ENVIRONMENT, detail)
    if s.job.sends and (other := other_account(s.plan, s.standing, broker.account_id)):
        return _guard("broker", False, ENVIRONMENT, other)
    if s.simulated and broker.environment != "paper":
        return _guard("broker", False, "AS_OF", "a given as_of can only trade on a paper account")
    if s.job.adds_risk and (off := _clock(s, apart)):
        return _guard("broker", False, CLOCK, off)
    return _guard("broker", True, "", "") if s.job.hours is WorkingHours.ANY else _open(s, broker, clock)


def _open(s: Situation, broker: Broker, clock: BrokerClock) -> Guard:
    """The venue's word about this moment, the one that was remembered, and that about the whole session."""
    if not (clock.is_open or (clock.coins and all(map(is_coin, s.plan.universe)))):
        return _guard("broker", False, CALENDAR_DISAGREE, "our calendar says open, the venue says closed")
    if not s.job.adds_risk:
        return _guard("broker", True, "", "")
    if before := s.remembered(CALENDAR_DISAGREE):
        return _guard("broker", False, CALENDAR_DISAGREE, f"open now, but earlier in this session: {before}")
    return _calendars(s, broker)


def _calendars(s: Situation, broker: Broker) -> Guard:
    """The session of the run as the venue's own calendar has it; what it does not tell is no agreement."""
    code, day = s.plan.window.exchange, s.window.session
    if not isinstance(broker, KeepsCalendar) or code == ALWAYS:
        return _guard("broker", True, "", "")
    try:
        told = broker.sessions(day, day)
    except BrokerError as error:
        return _guard("broker", False, _reason(error), f"the venue does not tell its calendar: {error}")
    if day not in told:
        return _guard("broker", False, UNAVAILABLE, f"the venue's calendar says nothing of {day}")
    apart = "; ".join(found.words for found in disagreements(exchange(code), told))
    return _guard("broker", not apart, CALENDAR_DISAGREE, apart)


def _asked(s: Situation, broker: Broker) -> tuple[BrokerClock, timedelta]:
    """The venue's clock, and how far it is ahead of ours halfway through that one question: others may take long."""
    before = s.waited()
    clock = broker.clock()
    return clock, clock.now - s.as_of - (before + s.waited()) / 2


def _clock(s: Situation, apart: timedelta) -> str:
    limit = CLOCK_LIMIT if abs(apart) > CLOCK_LIMIT else CLOCK_GOOD
    if abs(apart) <= limit or (limit is CLOCK_GOOD and not s.remembered(CLOCK)):
        return ""
    return f"the venue's clock differs by {apart.total_seconds():+.1f} s, the limit is {limit.total_seconds():g} s"


def _books(s: Situation, broker: Broker) -> Guard:
    try:
        strange = s.rolled_back(broker)
    except BrokerError as error:
        return _guard("books", False, UNAVAILABLE, str(error))
    return _guard("books", not strange, "STATE_ROLLBACK", strange)


def _account_risk(s: Situation, account: Account) -> Guard:
    breached = s.account_limits(account)
    held = any(position.quantity != Decimal(0) for position in account.positions.values())
    # With something held the run goes on: the gate denies entries and lets exits through.
    code = ACCOUNT_BLOCKED if account.blocked else "ACCOUNT_RISK"
    return _guard("account risk", not breached or held, code, breached)


def _protection(s: Situation) -> Iterator[Guard]:
    """Told only when it matters, and it stops no run: the gate denies entries and lets exits through."""
    if why := s.unwatched():
        yield Guard(name="protection", passed=True, code=STALE, detail=f"{why}; entries are denied")
