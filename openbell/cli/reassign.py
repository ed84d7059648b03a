"""Positions of a strategy that a plan does not name any more, given to one that it names."""

import click

from openbell import store
from openbell.cli.actor import person
from openbell.cli.output import emit, machine, say
from openbell.cli.place import FIRST_STEP, shown
from openbell.desk import load_plan
from openbell.errors import InputError, StoreError
from openbell.settings import load_settings
from openbell.stages.wording import quantity
from openbell.store.connect import exists


@click.command(epilog='Example: openbell reassign demo --from old_name --to sma_crossover --reason "renamed"')
@click.argument("plan")
@click.option("--from", "old", required=True, help="The strategy whose positions are given away, by its name in books.")
@click.option("--to", "new", required=True, help="The strategy of the plan that gets them.")
@click.option("--reason", required=True, help="Why it is right; kept with your name.")
@machine
def reassign(plan: str, old: str, new: str, reason: str, as_json: bool) -> None:
    """Give the positions of one strategy of PLAN to another, as after one was renamed or deleted.

    Nothing is bought or sold. Entries of the plan wait while a strategy that it does not name holds something.
    """
    settings, labels = load_settings(), [use.label for use in load_plan(plan).strategies]
    if new not in labels:
        raise InputError(f"plan {plan} has no strategy {new[:60]!r}: {', '.join(labels)}")
    if old == new:
        raise InputError(f"--from and --to are both {old[:60]!r}")
    if not reason.strip():
        raise InputError("a reason is needed, and the one given is blank")
    if not exists(settings.url):
        raise StoreError(f"no store yet at {shown(settings.url)}: {FIRST_STEP}")
    book = store.open_break_book(settings.url)
    moved = book.reassign(plan, old, new, person(), reason)
    if not moved:
        raise InputError(f"strategy {old[:60]!r} of plan {plan} holds nothing: `openbell positions` lists what is held")
    if as_json:
        emit({"plan": plan, "from": old, "to": new, "quantities": moved})
    else:
        held = ", ".join(f"{quantity(amount)} {symbol}" for symbol, amount in sorted(moved.items()))
        say(f"{held} belong to {new} of {plan} now")
