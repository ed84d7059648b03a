"""Circuit breakers: how they stand, and resetting them."""

from datetime import UTC

import click

from openbell import store
from openbell.cli.actor import person
from openbell.cli.output import emit, machine, say, table
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import InputError, StoreError
from openbell.ports import Breaker, Journal
from openbell.settings import load_settings
from openbell.stages.wording import when
from openbell.store.connect import exists

COLUMNS = ("plan", "job", "dependency", "state", ">failures", "opened", "next probe", ">good probes", "reason")


@click.group(epilog="Example: openbell breaker list")
def breaker() -> None:
    """Circuit breakers stop a job after repeated failures of what it depends on, and try again by themselves."""


@breaker.command("list", epilog="Example: openbell breaker list --json")
@machine
def list_breakers(as_json: bool) -> None:
    """List every breaker that has counted something; times are in UTC."""
    rows = _journal().breakers()
    if as_json:
        emit([{"plan": plan, "job": job, "breaker": found} for plan, job, found in rows])
    elif rows:
        table("Breakers", COLUMNS, (_line(*row) for row in rows))
    else:
        say("every breaker is closed: nothing has failed")


@breaker.command(epilog='Example: openbell breaker reset demo trade --reason "new API key is in place"')
@click.argument("plan")
@click.argument("job")
@click.option("--reason", required=True, help="Why it is right to go on; kept with your name.")
@machine
def reset(plan: str, job: str, reason: str, as_json: bool) -> None:
    """Close the breakers of one job of a plan now."""
    if not reason.strip():
        raise InputError("a reason is needed to reset a breaker, and the one given is blank")
    journal = _journal()
    rows = [found for of_plan, of_job, found in journal.breakers() if (of_plan, of_job) == (plan, job)]
    if not rows:
        raise InputError(f"no breaker of {plan} {job} has counted anything; `openbell breaker list` shows all")
    journal.reset_breaker(plan, job, person(), reason)
    closed = [found.dependency for found in rows]
    if as_json:
        emit({"plan": plan, "job": job, "closed": closed})
    else:
        say(f"closed the breakers of {plan} {job}: {', '.join(closed)}")


def _journal() -> Journal:
    url = load_settings().url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    return store.open_journal(url)


def _line(plan: str, job: str, found: Breaker) -> tuple[object, ...]:
    state = ("latched" if found.latched else "open") if found.open else "closed"
    opened = when(found.opened_at, UTC) if found.open and found.opened_at else None
    retry = when(found.retry_at, UTC) if found.open and found.retry_at else None
    return plan, job, found.dependency, state, found.failures, opened, retry, found.probes, found.reason
