"""Start this host's worker after a look at whether the host may join: ``python -m deployments.worker``."""

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from deployments.local import POOL
from deployments.pools import TEMPLATE
from openbell import store
from openbell.cli.checks.prefect_api import Server, server
from openbell.errors import OpenbellError, SchemaMismatch, ServerUnavailable, SettingsError, StoreError
from openbell.settings import load_settings
from openbell.store import place

#: Seconds that the server may take to answer; its first start migrates its database.
PATIENCE = 120.0
_EXAMPLE = "Example: python -m deployments.worker --pool openbell --label 2   # a second worker on this host"


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the worker; an exit code only when this host may not join: 1, or 3 for a store of another version."""
    asked = options(arguments)
    try:
        join(asked.pool, asked.host, asked.patience, asked.one_store)
        become([sys.executable, "-m", "prefect", *command(asked)])
    except OpenbellError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 3 if isinstance(error, SchemaMismatch) else 1


def become(program: list[str]) -> NoReturn:
    """Let a program take this process over: systemd and containers signal the worker itself."""
    sys.stdout.flush()
    # A worker stops by sending itself SIGINT, which a background job of a shell has inherited as ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What a worker starts as `python` is this one.
    os.environ["PATH"] = f"{Path(program[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execv(program[0], program)  # noqa: S606  # our own interpreter


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m deployments.worker", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--pool", default=POOL, help="the work pool to work for; default %(default)s")
    parser.add_argument("--type", default="process", help="the pool's type when it is not there yet; default process")
    parser.add_argument("--host", default=socket.gethostname(), help="name of this host; default its host name")
    parser.add_argument("--label", default="", help="tells several workers of one host apart")
    parser.add_argument("--one-store", action="store_true", help="refuse a store in a file, which one user has alone")
    parser.add_argument("--limit", type=int, help="how many runs at once; default no limit")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds to wait for the server")
    return parser.parse_args(arguments)


def command(asked: argparse.Namespace) -> list[str]:
    """The arguments of Prefect's own command."""
    name = f"{asked.host}.{asked.label}" if asked.label else asked.host
    limit = ["--limit", str(asked.limit)] if asked.limit else []
    pool = ["--pool", asked.pool, "--type", asked.type]
    # Only what this worker makes itself takes the template: a pool that is there stays as it is.
    template = ["--base-job-template", str(TEMPLATE)] if asked.type == "process" else []
    options = ["--install-policy", "never", "--with-healthcheck"]
    return ["worker", "start", *pool, "--name", name, *options, *template, *limit]


def join(pool: str, host: str, patience: float, one_store: bool = False) -> None:
    """Whether this host may work for the pool: its store can be used, and is the one of every other host.

    ``one_store``: and of every other user of this one, so that a halt reaches this worker and health knows of its runs.
    """
    url = load_settings().url
    if one_store and (alone := place.file_of(url)):
        raise StoreError(f"the store is the file {alone}, which other services cannot share: use PostgreSQL")
    store.ensure(url)
    store.open_journal(url)
    at = _reached(patience)
    file = place.file_of(url)
    others = [name for name in online(at, pool) if not _of(host, name)] if file else []
    if others:
        raise StoreError(
            f"worker {others[0]} is at work for pool {pool} on another host, and the store of this one is the SQLite "
            f"file {file}: several hosts need one store, on PostgreSQL (OPENBELL_DATABASE_URL); a worker that has "
            f"stopped is forgotten after two minutes"
        )


def online(at: Server, pool: str) -> list[str]:
    """The names of the workers that Prefect has heard of lately."""
    if not at.post("/work_pools/filter", {"work_pools": {"name": {"any_": [pool]}}}):
        return []
    found = at.post(f"/work_pools/{pool}/workers/filter", {})
    return [str(row["name"]) for row in found if row.get("status") == "ONLINE"]


def _of(host: str, name: str) -> bool:
    return name == host or name.startswith(f"{host}.")


def _reached(patience: float) -> Server:
    """The server, as soon as it answers."""
    at = server()
    if at is None:
        raise SettingsError("PREFECT_API_URL is not set: which server should the worker ask for runs?")
    deadline = time.monotonic() + patience
    while True:
        try:
            at.get("/ready")
        except ServerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return at


if __name__ == "__main__":
    sys.exit(main())
