"""Pause the work pool and wait until nothing runs, so that workers can be stopped without killing a run.

A worker that is stopped kills what it runs. Recovery finishes that later; after a drain there is nothing to recover.
While the pool is paused no job starts, exits neither: what must not go unwatched needs orders that rest at the broker.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from rich.console import Console

from deployments.local import POOL
from deployments.reaching import patience, reach
from openbell.cli.checks.prefect_api import server
from openbell.errors import InputError, OpenbellError, ServerUnavailable, SettingsError, TooLong

#: What a worker has in its hands.
AT_WORK = ("PENDING", "RUNNING", "CANCELLING")
#: Seconds without such a run until none is on its way either: a worker takes a run before Prefect calls it pending.
QUIET = 3.0
_EXAMPLE = "Example: openbell-drain && sudo systemctl stop openbell-worker; later: openbell-drain --resume"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing runs any more, or the pool works again; 1 when something still ran, or nobody answers."""
    asked = _options(arguments)
    console = Console(highlight=False)
    try:
        if server() is None:
            raise SettingsError("PREFECT_API_URL is not set: which server knows the pool?")
        with get_client(sync_client=True) as client:
            reach(client, asked.patience)
            said = resume(client, asked.pool) if asked.resume else drain(client, asked.pool, asked.seconds, console)
        console.print(said, soft_wrap=True)
    except (HTTPError, PrefectHTTPStatusError) as error:
        return _refused(ServerUnavailable(f"Prefect does not answer as it should ({type(error).__name__})"))
    except OpenbellError as error:
        return _refused(error)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="openbell-drain", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--pool", default=POOL, help="the work pool; default %(default)s")
    parser.add_argument("--seconds", type=float, default=300, help="how long to wait; default %(default)s")
    parser.add_argument("--resume", action="store_true", help="let the pool work again, and do not wait for runs")
    patience(parser)
    return parser.parse_args(arguments)


def _refused(error: OpenbellError) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201
    return 1


def resume(client: SyncPrefectClient, pool: str) -> str:
    """Let the pool work again."""
    _pause(client, pool, paused=False)
    return f"pool {pool} works again; runs that have become late are judged by their lateness guard"


def drain(client: SyncPrefectClient, pool: str, seconds: float, console: Console) -> str:
    """Pause the pool, then wait for its runs; TooLong names those that still ran, and the pool stays paused."""
    _pause(client, pool, paused=True)
    start = time.monotonic()
    with console.status(f"pool {pool} is paused; looking for runs") as status:
        running = _wait(lambda: at_work(client, pool), seconds, lambda names: status.update(_waiting(names)))
    if running:
        raise TooLong(
            f"{', '.join(running[:10])} still ran after {seconds:.0f} s; pool {pool} stays paused. A run that Prefect "
            f"calls running although its process died: prefect flow-run cancel ID"
        )
    return (
        f"pool {pool} is paused and nothing runs ({time.monotonic() - start:.0f} s); openbell-drain --resume undoes it"
    )


def _pause(client: SyncPrefectClient, pool: str, paused: bool) -> None:
    try:
        client.update_work_pool(pool, WorkPoolUpdate(is_paused=paused))
    except ObjectNotFound:
        raise InputError(f"there is no work pool {pool!r}; `prefect work-pool ls` lists them") from None


def at_work(client: SyncPrefectClient, pool: str) -> list[str]:
    """The names of the pool's runs that a worker has in its hands."""
    states = FlowRunFilter.model_validate({"state": {"type": {"any_": AT_WORK}}})
    pools = WorkPoolFilter.model_validate({"name": {"any_": [pool]}})
    return sorted(
        run.name or str(run.id) for run in client.read_flow_runs(flow_run_filter=states, work_pool_filter=pools)
    )


def _wait(look: Callable[[], list[str]], seconds: float, tell: Callable[[list[str]], None]) -> list[str]:
    """Look each second until nothing was seen for a while; what is still there when the time is over."""
    start = quiet_since = time.monotonic()
    while (now := time.monotonic()) - quiet_since < QUIET:
        if names := look():
            tell(names)
            if now - start > seconds:
                return names
            quiet_since = now
        time.sleep(min(1.0, QUIET))
    return []


def _waiting(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"waiting for {', '.join(names[:3])}{more}"


if __name__ == "__main__":
    sys.exit(main())
