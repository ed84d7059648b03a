"""``make publish``: what the plan files say becomes blocks, pools, limits, deployments and automations of Prefect.

Run it as often as you like: what is right already is left alone, what left the plans is removed, what somebody paused
stays paused until ``--resume``. Nothing is changed before every plan is found to be in order.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from rich.console import Console

from deployments.automations_publish import automation_changes
from deployments.publish_blocks import plan_changes, type_changes
from deployments.publish_connections import connection_changes
from deployments.publish_deployments import deployment_changes, resumptions
from deployments.publish_places import place_changes
from deployments.publish_server import Change, Server
from deployments.reaching import patience, reach
from openbell import planfiles
from openbell.cli.checking import require
from openbell.cli.checks.prefect_api import server as named_server
from openbell.cli.output import emit
from openbell.errors import InputError, OpenbellError, PlanError, ServerUnavailable, SettingsError
from openbell.settings import load_settings
from openbell.values.plan import Plan

_EXAMPLE = "Example: python -m deployments.publish demo --check"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when server and plans agree in the end, 1 when ``--check`` finds a difference or something is refused."""
    asked = _options(arguments)
    try:
        if asked.resume and not asked.plans:
            raise InputError("--resume wants the names of plans: which are to run again?")
        found = _publish(asked, _tell(asked.check, asked.json))
    except OpenbellError as error:
        return _refused(error)
    except (httpx.HTTPError, PrefectException) as error:
        return _refused(ServerUnavailable(f"Prefect does not answer as it should ({type(error).__name__})"))
    if asked.json:
        keys = ("kind", "name", "verb", "differs")
        emit({"agreed": not found, "changes": [{key: getattr(change, key) for key in keys} for change in found]})
    elif not found:
        print("server and plans agree")  # noqa: T201
    return 1 if asked.check and found else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.publish", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("plans", metavar="PLAN", nargs="*", help="names of plans; default all, and what is gone goes")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when something differs")
    parser.add_argument("--resume", action="store_true", help="let what is paused of the plans run again")
    parser.add_argument("--json", action="store_true", help="for machines")
    patience(parser)
    return parser.parse_args(arguments)


def _tell(check: bool, as_json: bool) -> Callable[[Change], None]:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    return lambda change: None if as_json else console.print(("differs: " if check else "") + change.words)


def _refused(error: OpenbellError) -> int:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)  # noqa: T201
    return 1


def _publish(asked: argparse.Namespace, tell: Callable[[Change], None]) -> list[Change]:
    if named_server() is None:
        raise SettingsError("PREFECT_API_URL is not set: which server is to be published to?")
    plans, every = _plans(asked.plans)
    with get_client(sync_client=True) as client:
        reach(client, asked.patience)
        server, found = Server(client), []
        # Looked at before anything is changed, since it refuses what cannot be made.
        tuple(connection_changes(server, plans))
        again = (resumptions(server, plans),) if asked.resume else ()
        for stage in chain(_stages(server, plans, every), again):
            for change in tuple(stage):
                if not asked.check:
                    change.make()
                tell(change)
                found.append(change)
    return found


def _plans(names: Sequence[str]) -> tuple[list[Plan], list[str] | None]:
    """The plans that were asked for, and the names of all there are; a PlanError lists what is wrong with any."""
    folder = planfiles.plans_folder(load_settings())
    paths = planfiles.plan_paths(folder)
    if not paths:
        raise PlanError(f"no plan in {folder}: everything of openbell would go from the server")
    wanted = [planfiles.find(name, folder) for name in dict.fromkeys(names)] or list(paths.values())
    plans, problems = [], []
    for path in wanted:
        try:
            plans.append(require(path))
        except PlanError as error:
            problems.append(str(error))
    if problems:
        raise PlanError("\n".join(problems))
    return plans, None if names else list(paths)


def _stages(server: Server, plans: Sequence[Plan], every: list[str] | None) -> Iterator[Iterator[Change]]:
    """In the order in which each needs the one before; what a stage finds, it finds when its turn comes."""
    yield type_changes(server)
    yield connection_changes(server, plans)
    yield place_changes(server, plans)
    yield plan_changes(server, plans, every)
    yield deployment_changes(server, plans, every)
    yield automation_changes(server, plans, every)


if __name__ == "__main__":
    sys.exit(main())
