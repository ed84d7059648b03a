"""Who gives a command, for the record."""

import getpass

import click

from openbell.errors import InputError
from openbell.settings import load_settings
from openbell.switching import is_person
from openbell.values.texts import utf8


def person() -> str:
    """Who answers for it: OPENBELL_ACTOR, else the user of this process; empty for a user without a name."""
    if (named := load_settings().actor) is not None:
        return named
    try:
        return utf8(getpass.getuser())
    except KeyError:  # a container that runs as a number that nobody has
        return ""


by = click.option("--actor", default=person, show_default="the user", help="Who does it, for the record.")


def check_person(actor: str) -> None:
    """Refuse who cannot answer for it: an automation may switch off, and only a person on."""
    if not is_person(actor):
        raise InputError(
            f"{actor or 'nobody'} is no person: an automation may switch off, and only a person on; "
            f"give your name with --actor or OPENBELL_ACTOR"
        )
