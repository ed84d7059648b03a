"""Arming a live plan whose account, feed or own words are blocks of Prefect.

``openbell enable PLAN --live`` works without Prefect and so knows files only. This asks the server for the plan as its
runs will see it, opens the account by the block that it names, and then goes the same way: the account's own number is
read from the broker, and its end must be typed.
"""

import sys
from collections.abc import Sequence

import click

from blocks.desk import opened
from blocks.plan_body import plan_of
from blocks.published import read_form
from openbell.cli.actor import by, check_person
from openbell.cli.checks.prefect_api import server
from openbell.cli.confirm import confirmed
from openbell.cli.enable import arm, why
from openbell.cli.output import machine
from openbell.desk import load_plan
from openbell.errors import OpenbellError, SchemaMismatch, SettingsError
from openbell.values.plan import Plan


@click.command(epilog="Example: openbell-arm gateway --confirm 4567 --reason 'first day'")
@click.argument("plan")
@confirmed
@why
@by
@machine
def command(plan: str, confirm: str, reason: str, actor: str, as_json: bool) -> None:
    """Arm a live plan until midnight in the exchange's zone, with the blocks that it names.

    The plan is the one that its runs will work with: its block when it is published, else its file. It sends nothing
    until it is armed, and must be armed anew when it changes.
    """
    if server() is None:
        raise SettingsError("PREFECT_API_URL is not set: which server has the blocks?")
    check_person(actor)
    arm(opened(published(plan)), confirm, reason, actor, as_json)


def published(name: str) -> Plan:
    """The plan as its runs will see it."""
    form = read_form(name)
    return load_plan(name) if form is None else plan_of(name, form)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the plan is armed; else an exit code as those of ``openbell``."""
    try:
        command.main(arguments, prog_name="openbell-arm", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OpenbellError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)  # noqa: T201
        return 3 if isinstance(error, SchemaMismatch) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
