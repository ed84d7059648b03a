"""Is it healthy? Each sign says ok, warning or failed, and in words what stands behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell.ports import Level
from openbell.ports.health import AccountLook, StoreLook
from openbell.stages.outbox import ALERT_LEVELS
from openbell.stages.wording import clean, count
from openbell.values.condition import Condition
from openbell.values.message import MessageState, Severity
from openbell.values.record import Outcome
from openbell.values.time import iso
from openbell.watch.looking import JobLook, Looked

#: An order whose outcome nobody knows is looked up within this; one that is older waits for a person.
UNKNOWN_LIMIT = timedelta(seconds=60)
#: So many failures in a row of one job are no accident.
FAILURES = 3
_SERIOUS = (Severity.ERROR, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was judged; ``plan`` is empty where it is about the whole installation."""

    name: str
    condition: Condition
    detail: str
    plan: str = ""


def signs(looked: Looked) -> tuple[Sign, ...]:
    """Every sign. Nothing is healthy while the store cannot be read."""
    return tuple(_signs(looked))


def healthy(found: tuple[Sign, ...]) -> bool:
    """Whether nothing failed; warnings are worth a look, not a night."""
    return all(sign.condition is not Condition.FAILED for sign in found)


def _signs(looked: Looked) -> Iterator[Sign]:
    if looked.store is None:
        yield Sign("store", Condition.FAILED, clean(looked.error))
    else:
        yield Sign("store", Condition.OK, "it can be read")
        yield from _of_store(looked.store, looked.time)
    for problem in looked.problems:
        yield Sign("plan", Condition.FAILED, clean(problem))
    for job in looked.jobs:
        yield _job(job)


def _of_store(seen: StoreLook, now: datetime) -> Iterator[Sign]:
    switch = seen.switch
    held = Condition.OK if switch.level is Level.ACTIVE else Condition.WARNING
    by = f" by {switch.actor or 'nobody named'}: {clean(switch.reason) or 'no reason given'}" if held != "ok" else ""
    yield Sign("switch", held, f"{switch.level.value}{by}")
    for account in seen.accounts:
        yield _unknown(account, now)
        yield _breaks(account)
    yield from _alerts(seen)
    failed = seen.messages.get(MessageState.FAILED.value, 0)
    told = f"{count(failed, 'message')} could not be delivered; `openbell notifications list --state failed`"
    yield Sign("messages", Condition.WARNING, told) if failed else Sign("messages", Condition.OK, "none has failed")


def _unknown(account: AccountLook, now: datetime) -> Sign:
    since = account.unknown_since
    if since is None:
        return Sign("orders", Condition.OK, f"account {account.account}: the outcome of each is known")
    old = now - since > UNKNOWN_LIMIT
    words = f"account {account.account}: the outcome of an order is unknown since {iso(since)}"
    return Sign("orders", Condition.FAILED if old else Condition.WARNING, words)


def _breaks(account: AccountLook) -> Sign:
    if not account.breaks or account.break_since is None:
        return Sign("breaks", Condition.OK, f"account {account.account}: books and broker agree")
    words = f"account {account.account}: {count(account.breaks, 'break')} open since {iso(account.break_since)}"
    return Sign("breaks", Condition.FAILED, f"{words}; `openbell breaks list`")


def _alerts(seen: StoreLook) -> Iterator[Sign]:
    for alert in seen.alerts:
        serious = ALERT_LEVELS.get(alert.kind, Severity.ERROR) in _SERIOUS
        about = f"{alert.kind} ({alert.number}) since {iso(alert.since)}: {clean(alert.subject)}: {clean(alert.detail)}"
        yield Sign("alerts", Condition.FAILED if serious else Condition.WARNING, about)


def _job(job: JobLook) -> Sign:
    if job.breaker.open:
        why = clean(job.breaker.reason) or f"{job.breaker.failures} failures"
        return Sign(job.job, Condition.FAILED, f"its breaker is open: {job.breaker.dependency}: {why}", job.plan)
    if job.missing and job.missing_since:
        words = f"nobody started {count(job.missing, 'slot')} since {iso(job.missing_since)}"
        return Sign(job.job, Condition.FAILED, words, job.plan)
    if failures := job.stats.consecutive_failures:
        bad = Condition.FAILED if failures >= FAILURES else Condition.WARNING
        return Sign(job.job, bad, f"{count(failures, 'failure')} in a row", job.plan)
    return Sign(job.job, Condition.OK, _last(job), job.plan)


def _last(job: JobLook) -> str:
    if job.last is None:
        return "has not run yet"
    ended = f"{job.last.outcome.value} {job.last.code}".strip()
    late = "" if job.last.outcome is not Outcome.MISSED else ", and nothing has been due since"
    return f"{ended} at {iso(job.last.planned)}{late}"
