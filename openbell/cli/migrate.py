"""Create the store, or bring it up to this version."""

import click
from rich.console import Console
from rich.progress import Progress

from openbell import store
from openbell.cli.output import emit, machine, say
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import StoreError
from openbell.settings import load_settings
from openbell.store import moving
from openbell.store.connect import exists, open_store


@click.command(epilog="Example: openbell migrate --check")
@click.option("--check", "check_only", is_flag=True, help="Change nothing; exit code 3 when there is something to do.")
@click.option("--from", "source", metavar="URL", help="Copy another store into this one, which must be empty.")
@machine
def migrate(check_only: bool, source: str | None, as_json: bool) -> None:
    """Create the store when there is none, else migrate it to the schema of this version.

    With --from, as in --from sqlite:////home/ann/.openbell/openbell.db, every row of that store is copied into the one
    that OPENBELL_DATABASE_URL names, in one transaction. The workers must have stopped; the source stays as it is.
    """
    url = load_settings().url
    if source is not None:
        _move(source, url, as_json)
        return
    before = open_store(url).revision() if exists(url) else None
    after = _checked(url, before) if check_only else store.upgrade(url)
    if as_json:
        emit({"store": shown(url), "from": before, "to": after, "changed": before != after})
    elif before == after:
        say(f"store {shown(url)} is at schema {after}: nothing to do")
    else:
        say(f"store {shown(url)}: {f'migrated from schema {before} to' if before else 'made with schema'} {after}")


def _move(source: str, url: str, as_json: bool) -> None:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("copying rows", total=None)
        rows = moving.move(source, url, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        emit({"store": shown(url), "from": shown(source), "rows": rows})
    else:
        say(f"{rows:,} rows were copied from {shown(source)} to {shown(url)}: `openbell verify` proves them there")


def _checked(url: str, revision: str | None) -> str | None:
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    store.check(url)
    return revision
