"""Messages to people: what was told, a test of a target, and another try for what failed."""

from datetime import UTC, datetime, timedelta

import click

from openbell import notifiers, planfiles, store
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import FIRST_STEP, reading, shown
from openbell.errors import InputError, StoreError
from openbell.ports.outbox import Outbox
from openbell.settings import load_settings
from openbell.stages.outbox import UNDELIVERED
from openbell.stages.wording import clean, count, when
from openbell.store.connect import exists
from openbell.values.message import Failed, Message, MessageState, Posted, Severity
from openbell.values.notify import Target

COLUMNS = ("created", "level", "plan", "subject", "target", "state", ">tries", ">times", "next try", "error", "message")
STATES = click.Choice([state.value for state in MessageState])
#: How long a failed message that waits again is tried.
AGAIN = timedelta(days=1)


@click.group(epilog="Example: openbell notifications list --state failed")
def notifications() -> None:
    """Messages to people. The job `notify` and the end of each run send them; nothing here delays a run."""


@notifications.command("list", epilog="Example: openbell notifications list --state waiting --json")
@click.option("--state", type=STATES, help="Only messages that stand here.")
@click.option("--plan", default=None, help="Only messages of this plan.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="At most this many.")
@machine
def list_messages(state: str | None, plan: str | None, limit: int, as_json: bool) -> None:
    """List messages, newest first; times are in UTC. A merged message is told by another one, with a count."""
    outbox = _outbox()
    found = outbox.messages(MessageState(state) if state else None, plan, limit)
    if as_json:
        emit(found)
    elif found:
        table("Messages", COLUMNS, map(_row, found))
        tally = outbox.tally(plan)
        say(", ".join(f"{number:,} {where.value}" for where, number in tally.items()))
        _say_undelivered()
    else:
        say("no message matches" if state or plan else "no message yet: [notify] of a plan says who is told of what")


@notifications.command(epilog="Example: openbell notifications test env:OPENBELL_NOTIFY_OPS")
@click.argument("target")
@click.option("--private", is_flag=True, help="As `private = true` of a target in a plan.")
@click.option("--plan", default=None, help="Take the target as this plan has it.")
@machine
def test(target: str, private: bool, plan: str | None, as_json: bool) -> None:
    """Send a test message to one target now, past the outbox; exit code 1 when it is not taken."""
    named, live = _target(target, private, plan)
    answer = notifiers.open_target(named, live).send(_trial(named))
    problem = answer.detail if isinstance(answer, Failed) else ""
    if as_json:
        emit({"target": target, "sent": not problem, "error": problem})
    elif not problem:
        say(f"{target} took the message")
    if problem and not as_json:
        click.echo(f"error: {target} did not take the message: {problem}", err=True)
    if problem:
        raise SystemExit(1)


@notifications.command(epilog="Example: openbell notifications retry --plan demo")
@click.argument("messages", nargs=-1)
@click.option("--plan", default=None, help="Only messages of this plan.")
@machine
def retry(messages: tuple[str, ...], plan: str | None, as_json: bool) -> None:
    """Let failed messages wait again, all of them or those named; the job `notify` sends them."""
    now = datetime.now(UTC)
    again = _outbox().retry(messages, plan, now, now + AGAIN)
    if messages and again < len(set(messages)):
        raise InputError(f"{again} of {len(set(messages))} messages had failed and wait again; the others had not")
    if as_json:
        emit({"waiting": again})
    else:
        say(f"{count(again, 'message')} will be tried again" if again else "no message has failed")


def _outbox() -> Outbox:
    url = load_settings().url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    return store.open_outbox(url)


def _say_undelivered() -> None:
    """Which targets take no messages, since when and why."""
    for alert in reading().alerts():
        if alert.kind == UNDELIVERED:
            since = when(alert.time.replace(microsecond=0), UTC)
            say(f"{alert.subject} takes no messages since {since}: {clean(alert.detail)}")


def _target(text: str, private: bool, plan: str | None) -> tuple[Target, bool]:
    """The target, and whether it is a live plan's."""
    if plan is None:
        return _checked(text, private), False
    loaded = planfiles.load(planfiles.find(plan, planfiles.plans_folder(load_settings())))
    targets = {target.to: target for target in loaded.notify.targets}
    if text not in targets:
        raise InputError(f"plan {plan} tells {', '.join(targets) or 'nobody'}, not the target given")
    return targets[text], loaded.mode == "live"


def _checked(text: str, private: bool) -> Target:
    try:
        return Target(to=text, private=private)
    except ValueError:
        # What was given may be an address, and is not repeated.
        raise InputError(
            "the target is not like env:OPENBELL_NOTIFY_NAME; an address is given by variable only"
        ) from None


def _trial(target: Target) -> Posted:
    now = datetime.now(UTC)
    words = ("openbell test message", "If you can read this, this target is told what happens.")
    message = Message(f"test/{now.timestamp():.6f}", target.to, "", Severity.INFO, "test", "test", *words, now, now)
    return Posted(message, MessageState.WAITING, now, 1, 1, now)


def _row(posted: Posted) -> tuple[object, ...]:
    message, waits = posted.message, posted.state is MessageState.WAITING
    again = when(posted.next_try.replace(microsecond=0), UTC) if waits else None
    head = (when(message.created.replace(microsecond=0), UTC), message.level.value, message.plan, message.subject)
    return *head, message.target, posted.state.value, posted.tries, posted.times, again, posted.error, message.id
