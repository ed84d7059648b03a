"""The plan's broker: does it answer, who are we there, and do clocks and calendars agree?"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from openbell.brokers.paper.memory import MemoryLedger
from openbell.calendar.agree import ALWAYS, disagreements
from openbell.calendar.exchange import exchange
from openbell.calendar.window import decide
from openbell.cli.checks.findings import Finding, bounded, failed, ok, warning
from openbell.desk import account_spec, wall_clock
from openbell.errors import InputError, KeysRefused, OpenbellError, WrongAccount
from openbell.ports import Broker, BrokerClock, KeepsCalendar
from openbell.settings import Settings
from openbell.sources import feed_spec
from openbell.specs import BrokerSpec, Surroundings
from openbell.stages.guards import CLOCK_GOOD, CLOCK_LIMIT
from openbell.values.account import Account
from openbell.values.plan import FeedUse, Plan, Window

#: The first of these that cannot be answered leaves the rest unanswered.
ORDER = ("credentials", "broker", "account", "clock", "calendar", "sessions")
#: How far ahead the two calendars are compared.
AHEAD = timedelta(days=14)
#: Terms of an adapter that wait longer than a look may take, in seconds.
_PATIENCE = {"connect_timeout": 2.0, "request_timeout": 2.0, "id_patience": 0.0}


def surroundings(plan: Plan, settings: Settings) -> Surroundings:
    """What adapters lean on, as a desk would have it now."""
    return Surroundings(settings.data, plan.window.exchange, wall_clock, plan.freshness.bars)


def broker(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Every line about the broker; nothing is ever sent."""
    if plan.account.block:
        told = f"account.block {plan.account.block} is known to Prefect only: each run checks it"
        yield from (
            warning(name, told, plan.name, f"try `openbell doctor` with params instead of {plan.account.block}")
            for name in ORDER
        )
        return
    try:
        spec = _quick(account_spec(plan))
        opened, seconds = bounded(lambda: _opened(plan, spec, settings))
        asked = datetime.now(UTC)
        clock = bounded(opened.clock)
        waited = datetime.now(UTC) - asked
        account = bounded(opened.account)
    except OpenbellError as error:
        yield from _unanswered(plan, error)
        return
    yield ok("credentials", "accepted" if plan.account.broker == "alpaca" else "none are needed", plan.name)
    yield ok("broker", f"{plan.account.broker} answers in {seconds:.2f} s", plan.name)
    yield _account(plan, spec, opened, account)
    yield _clock(plan, clock, asked, waited)
    yield _calendar(plan, clock)
    yield _sessions(plan, opened, clock.now.date())


def _quick(spec: BrokerSpec) -> BrokerSpec:
    slow = {name: least for name, least in _PATIENCE.items() if getattr(spec, name, 0) > least}
    return spec.model_copy(update=slow)


def _opened(plan: Plan, spec: BrokerSpec, settings: Settings) -> tuple[Broker, float]:
    around, before = surroundings(plan, settings), time.perf_counter()
    feed = feed_spec(plan.model_copy(update={"feed": FeedUse()})).open(around)  # only paper accounts read prices
    made = spec.open(plan.account.name, around, feed, MemoryLedger())
    return made, time.perf_counter() - before


def _unanswered(plan: Plan, error: OpenbellError) -> Iterator[Finding]:
    """The line that failed, those before it that are known to be well, and those after it that nobody can know."""
    at = ORDER.index(_place(error))
    # An account can only be wrong once keys and connection were right, except where the key itself gives it away.
    for number, name in enumerate(ORDER):
        if number == at:
            yield failed(name, str(error), plan.name)
        elif number > at:
            yield warning(name, f"not looked at, since {ORDER[at]} failed", plan.name, f"put {ORDER[at]} right first")


def _place(error: OpenbellError) -> str:
    if isinstance(error, WrongAccount):
        return "account"
    return "credentials" if isinstance(error, InputError | KeysRefused) else "broker"


def _account(plan: Plan, spec: BrokerSpec, opened: Broker, account: Account) -> Finding:
    number = f"...{opened.account_id[-4:]}"
    said = {"plan": plan.mode, "terms": spec.environment or plan.mode, "account": opened.environment}
    if len(set(said.values())) > 1:
        words = ", ".join(f"{who} says {what}" for who, what in said.items())
        return failed("account", f"account {number}: {words}", plan.name)
    if account.blocked:
        return failed("account", f"account {number}: {account.blocked}", plan.name, "ask the broker why")
    return ok("account", f"plan, terms and account {number} say {opened.environment}", plan.name)


def _clock(plan: Plan, clock: BrokerClock, asked: datetime, waited: timedelta) -> Finding:
    apart = clock.now - asked - waited / 2
    sure = abs(apart) - waited / 2
    words = f"the broker's clock differs by {apart.total_seconds():+.1f} s"
    if sure > CLOCK_LIMIT:
        return failed("clock", f"{words}: no entries beyond {CLOCK_LIMIT.total_seconds():g} s", plan.name)
    return warning("clock", words, plan.name) if sure > CLOCK_GOOD else ok("clock", words, plan.name)


def _calendar(plan: Plan, clock: BrokerClock) -> Finding:
    try:
        ours = decide(Window(exchange=plan.window.exchange), clock.now).open
    except OpenbellError as error:
        return failed("calendar", str(error), plan.name)
    words = {True: "open", False: "closed"}
    said = f"{plan.window.exchange} is {words[ours]} by our calendar, {words[clock.is_open]} by the broker"
    if ours and not clock.is_open:
        return failed("calendar", said, plan.name)
    return ok("calendar", said, plan.name) if ours is clock.is_open else warning("calendar", said, plan.name)


def _sessions(plan: Plan, opened: Broker, today: date) -> Finding:
    """The venue's own calendar of the next two weeks beside ours; one that is shorter than ours is told as failed."""
    code = plan.window.exchange
    if not isinstance(opened, KeepsCalendar) or code == ALWAYS:
        return ok("sessions", f"the broker tells no calendar that {code} could be compared with", plan.name)
    try:
        told = bounded(lambda: opened.sessions(today, today + AHEAD))
        found = disagreements(exchange(code), told)
    except OpenbellError as error:
        return warning("sessions", str(error), plan.name)
    if not found:
        return ok("sessions", f"{code} and the broker agree on {len(told)} coming days", plan.name)
    words = "; ".join(one.words for one in found[:5])
    return (failed if any(one.shorter for one in found) else warning)("sessions", words, plan.name)
