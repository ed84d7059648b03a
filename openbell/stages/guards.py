"""The preconditions of a run, in their fixed order; the first that blocks names itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from openbell.calendar.window import WindowDecision
from openbell.errors import BrokerError
from openbell.ports import Breaker, Broker, BrokerClock, Claim, ClaimKind, Level, Switch
from openbell.values.account import Account
from openbell.values.plan import Plan
from openbell.values.record import Guard

#: A venue whose clock is further from ours than this is not traded on.
CLOCK_LIMIT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the guards judge. Questions to the broker are asked only when everything before has passed.

    ``late_by`` is how long after its planned instant the run looked at the clock, None where lateness has no
    meaning (started by hand, or for a given ``as_of``).
    """

    plan: Plan
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


def check(situation: Situation) -> tuple[Guard, ...]:
    """The guards passed so far; the last one blocks the run when its ``passed`` is false."""
    results: list[Guard] = []
    for guard in _guards(situation):
        results.append(guard)
        if not guard.passed:
            break
    return tuple(results)


def _guards(s: Situation) -> Iterator[Guard]:
    yield _guard("enabled", s.plan.enabled, "DISABLED", f"plan {s.plan.name} is not enabled")
    yield _halted(s.switch)
    yield _guard("breaker", not s.breaker.open, "BREAKER", s.breaker.reason or f"{s.breaker.failures} failures")
    yield _slot(s.claim)
    yield _guard("window", s.window.open, s.window.code, s.window.detail)
    yield _lateness(s)
    yield from _broker(s)


def _guard(name: str, passed: bool, code: str, detail: str) -> Guard:
    return Guard(name=name, passed=passed, code="" if passed else code, detail=detail if not passed else "")


def _halted(switch: Switch) -> Guard:
    detail = f"{switch.level} by {switch.actor or 'nobody named'}: {switch.reason or 'no reason given'}"
    return _guard("halted", switch.level is not Level.HALTED, "HALTED", detail)


def _slot(claim: Claim | None) -> Guard:
    if claim is None:
        return Guard(name="slot", passed=True, detail="dry run: the slot is not claimed")
    code = {ClaimKind.RUNNING: "OVERLAP", ClaimKind.DONE: "DUPLICATE_RUN"}.get(claim.kind, "")
    verb = "is held by" if claim.kind is ClaimKind.RUNNING else "was taken by"
    return _guard("slot", claim.held, code, f"the slot {verb} run {claim.run_id}")


def _lateness(s: Situation) -> Guard:
    if s.late_by is None:
        return Guard(name="lateness", passed=True, detail="not started by a schedule")
    late = f"{s.late_by.total_seconds():.1f} s late, the limit is {s.grace.total_seconds():.0f} s"
    return _guard("lateness", s.late_by <= s.grace, "LATE", late)


def _broker(s: Situation) -> Iterator[Guard]:
    try:
        broker = s.broker()
        clock, account = broker.clock(), broker.account()
    except BrokerError as error:
        yield _guard("broker", False, "BROKER_UNAVAILABLE", str(error))
        return
    yield _agreement(s, broker, clock)
    yield _account_risk(s, account)


def _agreement(s: Situation, broker: Broker, clock: BrokerClock) -> Guard:
    if broker.environment != s.plan.mode:
        detail = f"the plan says {s.plan.mode}, the account says {broker.environment}"
        return _guard("broker", False, "ENVIRONMENT", detail)
    if s.simulated and broker.environment != "paper":
        return _guard("broker", False, "AS_OF", "a given as_of can only trade on a paper account")
    if abs(clock.now - s.as_of) > CLOCK_LIMIT:
        return _guard("broker", False, "CLOCK", f"the venue's clock differs by {clock.now - s.as_of}")
    return _guard("broker", clock.is_open, "CALENDAR_DISAGREE", "our calendar says open, the venue says closed")


def _account_risk(s: Situation, account: Account) -> Guard:
    breached = s.account_limits(account)
    held = any(position.quantity != Decimal(0) for position in account.positions.values())
    # With something held the run goes on: the gate denies entries and lets exits through.
    return _guard("account risk", not breached or held, "ACCOUNT_RISK", breached)
