"""Create the store, or bring it up to this version."""

import click

from openbell import store
from openbell.cli.output import emit, machine, say
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import StoreError
from openbell.settings import load_settings
from openbell.store.connect import exists, open_store


@click.command(epilog="Example: openbell migrate --check")
@click.option("--check", "check_only", is_flag=True, help="Change nothing; exit code 3 when there is something to do.")
@machine
def migrate(check_only: bool, as_json: bool) -> None:
    """Create the store when there is none, else migrate it to the schema of this version."""
    url = load_settings().url
    before = open_store(url).revision() if exists(url) else None
    after = _checked(url, before) if check_only else store.upgrade(url)
    if as_json:
        emit({"store": shown(url), "from": before, "to": after, "changed": before != after})
    elif before == after:
        say(f"store {shown(url)} is at schema {after}: nothing to do")
    else:
        say(f"store {shown(url)}: {f'migrated from schema {before} to' if before else 'made with schema'} {after}")


def _checked(url: str, revision: str | None) -> str | None:
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    store.check(url)
    return revision
