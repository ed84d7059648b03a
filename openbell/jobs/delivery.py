"""From the store's logs to people: what is new is put into the outbox, and what waits there is sent."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell import notifiers
from openbell.calendar.window import window_zone
from openbell.errors import SettingsError
from openbell.notifiers.patience import together
from openbell.ports import History, Journal
from openbell.ports.outbox import Notifier, Outbox
from openbell.stages.outbox import UNDELIVERED, messages_of, settled, told
from openbell.stages.wording import count
from openbell.values.message import Delivery, Failed, Message, MessageState, Noted, Posted
from openbell.values.notify import Target
from openbell.values.plan import Plan
from openbell.values.work import Worked

#: A plan that never read the logs begins with what is younger than this.
FIRST_LOOK = timedelta(minutes=10)
#: Longer than a try takes.
LEASE = timedelta(seconds=90)
#: No new try begins after this much of a pass, and no target gets more messages in one.
BUDGET, AT_ONCE = timedelta(seconds=25), 100
Open = Callable[[Target], Notifier]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What delivery works with; ``open`` makes the notifier of a target, ``now`` is the clock.

    What waits for a target that ``reaches`` says no to goes on waiting for somebody who reaches it.
    """

    plan: Plan
    outbox: Outbox
    history: History
    journal: Journal
    open: Open
    now: Callable[[], datetime]
    reaches: Callable[[Target], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Round:
    """What one target took in one pass; ``error`` says why it took no more, ``final`` that a message is given up."""

    target: str
    sent: int = 0
    error: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one pass did: new messages, and a round for each target."""

    new: int
    rounds: tuple[Round, ...]

    def worked(self, waiting: int) -> Worked:
        """The same as a job tells it."""
        sent, failed = sum(done.sent for done in self.rounds), sum(done.final for done in self.rounds)
        counters = {"new": self.new, "sent": sent, "failed": failed, "waiting": waiting}
        errors = [f"{done.target}: {done.error}" for done in self.rounds if done.error]
        words = f"{count(sent, 'message')} sent, {waiting:,} waiting, {failed:,} given up"
        return Worked("; ".join([words, *errors]), counters, {"errors": errors})


def by_variable(plan: Plan) -> Open:
    """Opens targets that environment variables name, which needs no Prefect."""
    return lambda target: notifiers.open_target(target, live=plan.mode == "live")


def by_variable_only(target: Target) -> bool:
    """Whether a target can be reached without Prefect."""
    return target.to.startswith("env:")


def deliver(dispatch: Dispatch) -> Delivered:
    """Put what is new into the outbox, and try once to send each message that is due."""
    new, notify = collect(dispatch), dispatch.plan.notify
    lost = [Round(each.message.target, 0, each.error, True) for each in dispatch.outbox.give_up(dispatch.now())]
    targets = tuple(filter(dispatch.reaches, notify.targets)) if notify.enabled else ()
    rounds = together(lambda target: _send_all(dispatch, target), targets)
    delivered = Delivered(new, (*lost, *rounds))
    _tell(dispatch, delivered.rounds)
    return delivered


# --- into the outbox -----------------------------------------------------------------------------------------


def collect(dispatch: Dispatch) -> int:
    """Make messages of what the logs say that was not read yet; returns how many are new."""
    plan, now = dispatch.plan, dispatch.now()
    new, read = 0, dispatch.outbox.unread(plan.name, now - FIRST_LOOK)
    while read:
        new += dispatch.outbox.put(plan.name, read, tuple(_messages(dispatch, read, now)), plan.notify.merge, now)
        read = dispatch.outbox.unread(plan.name, now - FIRST_LOOK)
    return new


def _messages(dispatch: Dispatch, read: Sequence[Noted], now: datetime) -> Iterator[Message]:
    notify, zone = dispatch.plan.notify, window_zone(dispatch.plan.window)
    if not (notify.enabled and notify.targets):
        return
    for noted in read:
        if told(notify, noted) and noted.time + notify.expire > now:
            record = dispatch.history.run(noted.subject) if noted.log == "runs" else None
            if record is None or not record.dry_run:
                yield from messages_of(notify, dispatch.plan.name, noted, record, zone)


# --- out of it -----------------------------------------------------------------------------------------------


def _send_all(dispatch: Dispatch, target: Target) -> Round:
    """The messages of one target, one after the other; the first failure ends the pass for it."""
    sent, until = 0, dispatch.now() + BUDGET
    while sent < AT_ONCE and dispatch.now() < until:
        posted = dispatch.outbox.claim(dispatch.plan.name, target.to, dispatch.now(), LEASE)
        if posted is None:
            break
        after = settled(posted, _try(dispatch, target, posted), dispatch.now())
        dispatch.outbox.settle(posted, after.state, after.next_try, after.said, dispatch.now())
        if after.state is not MessageState.SENT:
            return Round(target.to, sent, after.said, after.state is MessageState.FAILED)
        sent += 1
    return Round(target.to, sent)


def _try(dispatch: Dispatch, target: Target, posted: Posted) -> Delivery:
    try:
        notifier = dispatch.open(target)
    except SettingsError as error:
        return Failed(str(error), final=True)
    return notifier.send(posted)


def _tell(dispatch: Dispatch, rounds: Sequence[Round]) -> None:
    """A target that takes no messages is an alert until it takes one again."""
    broken = {done.target: done.error for done in rounds if done.final}
    for target, error in broken.items():
        dispatch.journal.alert(UNDELIVERED, target, error)
    working = {done.target for done in rounds if done.sent and not done.error}
    for alert in dispatch.history.alerts() if working else ():
        if alert.kind == UNDELIVERED and alert.subject in working:
            dispatch.journal.close_alert(alert.number, "openbell", "the target takes messages again")
