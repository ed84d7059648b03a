"""Is it healthy? For people, and by its exit code for whatever watches from outside."""

from datetime import UTC, datetime

import click

from openbell.cli.output import emit, machine, say, table
from openbell.settings import load_settings
from openbell.values.condition import Condition
from openbell.watch.judging import healthy, signs
from openbell.watch.looking import look


@click.command(epilog="Example: openbell health demo --json")
@click.argument("plan", nargs=-1)
@machine
@click.pass_context
def health(ctx: click.Context, plan: tuple[str, ...], as_json: bool) -> None:
    """Say how all enabled plans are doing, or the plans named: jobs, orders, breaks, alerts, switch, messages.

    Only the store is asked: it answers in a moment and with Prefect, broker and feeds down. Exit code 1 when any sign
    failed; a warning is no failure. `openbell doctor` looks further.
    """
    found = signs(look(load_settings(), plan, datetime.now(UTC)))
    well = healthy(found)
    if as_json:
        emit({"healthy": well, "signs": found})
    else:
        table("", ("state", "sign", "plan", "found"), [(s.condition.value, s.name, s.plan, s.detail) for s in found])
        bad, odd = (sum(s.condition is of for s in found) for of in (Condition.FAILED, Condition.WARNING))
        say(f"{'healthy' if well else 'not healthy'}: {len(found)} signs, {bad} failed, {odd} warnings")
    ctx.exit(0 if well else 1)
