"""notify: which messages a row of the store's logs makes for a plan, when each is tried, and when it is given up.

All of it is decided from what is stored; nothing here sends anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from openbell.ports import Level
from openbell.stages.message_text import words
from openbell.stages.wording import clean
from openbell.values.job import NOTIFY, ORDERS
from openbell.values.message import Delivery, Message, MessageState, Noted, Posted, Sent, Severity
from openbell.values.notify import Notify, Target
from openbell.values.record import Outcome, RunRecord

#: A message is tried this often, and waits so long after each failure.
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
TRIES = len(BACKOFF) + 1
#: The longest that a target's wish to be left alone is heard.
LONGEST_WISH = timedelta(hours=1)
GIVEN_UP = "given up: its time or its tries were used up"
#: Kind of the alert about a target that does not take messages; its subject is the target.
UNDELIVERED = "NOTIFICATION_FAILED"

#: Alerts of kinds that are not here are errors.
ALERT_LEVELS: Mapping[str, Severity] = {
    "STATE_ROLLBACK": Severity.CRITICAL,
    "ID_COLLISION": Severity.CRITICAL,
    "OVERFILL": Severity.CRITICAL,
    "VANISHED": Severity.CRITICAL,
    "PROTECTION_STALE": Severity.CRITICAL,
    "ABANDONED": Severity.WARNING,
    "CALLED_BACK": Severity.WARNING,
    "CANCEL_STUCK": Severity.WARNING,
    "REJECTED_LATER": Severity.WARNING,
    "PRICE_ALERT": Severity.WARNING,
    "RULE_ALERT": Severity.WARNING,
}
SWITCH_LEVELS: Mapping[str, Severity] = {
    Level.HALTED.value: Severity.CRITICAL,
    Level.REDUCE_ONLY.value: Severity.ERROR,
    Level.ACTIVE.value: Severity.WARNING,
}
#: Codes of skips that need nobody: the calendar or the plan says so.
_USUAL_SKIPS = frozenset(
    (
        *("HOLIDAY", "WEEKEND", "BEFORE_OPEN", "AFTER_CLOSE", "BREAK", "CLOSURE", "WEEKDAY", "OUTSIDE_WINDOW"),
        *("DISABLED", "JOB_DISABLED", "DUPLICATE_RUN"),
    )
)
#: What a plan calls the logs that it wants to hear of.
_LOGS = {"alerts": "alerts", "breaks": "breaks", "switches": "switches", "breaker_events": "breakers"}
RANK = tuple(Severity).index
_RUN_LEVELS: Mapping[str, Severity] = {
    Outcome.COMPLETED.value: Severity.INFO,
    Outcome.SKIPPED.value: Severity.INFO,
}


# --- what is told --------------------------------------------------------------------------------------------


def told(notify: Notify, noted: Noted) -> bool:
    """Whether the plan wants to know of the row at all."""
    if noted.log != "runs":
        return _LOGS[noted.log] in notify.on
    if noted.kind == NOTIFY.name:
        return False  # a message about messages would never end
    if noted.kind == ORDERS.name and _moved(noted):
        return "orders" in notify.on
    usual = noted.code in (Outcome.COMPLETED.value, Outcome.SKIPPED.value)
    return noted.code in notify.on and (noted.kind in notify.jobs or not usual)


def _moved(noted: Noted) -> bool:
    return any(noted.counters.get(name) for name in ("filled", "canceled", "rejected"))


def severity(noted: Noted, record: RunRecord | None = None) -> Severity:
    """How much a row matters."""
    if noted.log == "alerts":
        return ALERT_LEVELS.get(noted.kind, Severity.ERROR)
    if noted.log == "switches":
        return SWITCH_LEVELS.get(noted.kind, Severity.CRITICAL)
    if noted.log == "breaks":
        return Severity.ERROR
    if noted.log == "breaker_events":
        return Severity.ERROR if noted.kind == "opened" else Severity.INFO
    return _run_severity(noted, record)


def _run_severity(noted: Noted, record: RunRecord | None) -> Severity:
    level = _RUN_LEVELS.get(noted.code, Severity.ERROR)
    if noted.counters.get("unknown"):
        return Severity.ERROR
    skipped = noted.code == Outcome.SKIPPED.value and (record is None or record.code not in _USUAL_SKIPS)
    return max(level, Severity.WARNING, key=RANK) if skipped or noted.counters.get("rejected") else level


def messages_of(
    notify: Notify, plan: str, noted: Noted, record: RunRecord | None = None, zone: tzinfo = UTC
) -> Iterator[Message]:
    """A message for each target of the plan that wants the row; ``record`` is the run's, when it is one."""
    if not (notify.enabled and told(notify, noted)):
        return
    level = severity(noted, record)
    subject, body, key = words(plan, noted, record, zone)
    for target in notify.targets:
        if level.value in target.levels and not _about(target, noted):
            yield Message(
                source=noted.source,
                target=target.to,
                plan=plan,
                level=level,
                kind=noted.kind,
                key=key,
                subject=subject,
                body=body,
                created=noted.time,
                expires=noted.time + notify.expire,
            )


def _about(target: Target, noted: Noted) -> bool:
    """Whether the row says that this very target takes no messages."""
    return noted.log == "alerts" and noted.kind == UNDELIVERED and noted.subject == target.to


# --- when it is tried ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Another message that says the same to the same target; ``next_try`` is when it was sent, once it is."""

    id: str
    state: MessageState
    tries: int
    next_try: datetime


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a new message stands: merged ``into`` another one, or waiting for ``next_try``."""

    state: MessageState
    next_try: datetime
    into: str = ""


def place(likes: Sequence[Standing], window: timedelta, now: datetime) -> Placement:
    """Merge into what has not been tried yet, wait out the window after what has, else go at once.

    So that a target hears of the same trouble once, and then once a window with the count.
    """
    untried = [like for like in likes if like.state is MessageState.WAITING and not like.tries]
    if untried and window:
        return Placement(MessageState.MERGED, now, untried[0].id)
    ends = [like.next_try + window for like in likes if like.tries]
    return Placement(MessageState.WAITING, max([now, *ends]))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a message is after a try."""

    state: MessageState
    next_try: datetime
    said: str


def settled(posted: Posted, delivery: Delivery, now: datetime) -> Settled:
    """Sent, failed for good, or waiting for the next of its tries."""
    if isinstance(delivery, Sent):
        return Settled(MessageState.SENT, now, "")
    said = clean(delivery.detail)
    if delivery.final or posted.tries >= TRIES:
        return Settled(MessageState.FAILED, now, said)
    wish = min(delivery.after or timedelta(0), LONGEST_WISH)
    again = now + max(BACKOFF[posted.tries - 1], wish)
    if again >= posted.message.expires:
        return Settled(MessageState.FAILED, now, f"{said}; its time is over before the next try")
    return Settled(MessageState.WAITING, again, said)
