"""A live account is acted on only after the end of its number was typed."""

import sys

import click

from openbell.errors import InputError
from openbell.ports import Broker

#: So many characters, of the end of the venue's own number of the account.
LENGTH = 4
confirmed = click.option(
    "--confirm", default="", help=f"Last {LENGTH} characters of a live account's number; a terminal asks for them."
)


def check_suffix(broker: Broker, typed: str) -> None:
    """InputError unless the end of a live account's number was typed; a paper account needs nothing."""
    if broker.environment != "live":
        return
    wanted = f"the last {LENGTH} characters of the live account's number"
    if not typed and sys.stdin.isatty():
        typed = click.prompt(wanted, err=True)
    if not typed:
        raise InputError(f"nothing was done: {wanted} are needed, as --confirm XXXX")
    if typed != broker.account_id[-LENGTH:]:
        raise InputError(f"nothing was done: what was typed is not {wanted}")
