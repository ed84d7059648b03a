"""replay: what a plan would have done."""

from datetime import date
from decimal import Decimal
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.endings import refused
from flows.options import COMMON
from openbell.errors import OpenbellError
from openbell.planfiles.overrides import assignments
from openbell.replay.asking import Wish
from tasks.replay_plan import ask, replay_plan, report_replay


def replay_name() -> str:
    """Plan, range and what was set; whatever the parameters are, there is a name."""
    given: dict[str, Any] = flow_run.parameters or {}
    days = [str(given[name]) for name in ("start", "end") if given.get(name)]
    return " ".join((str(given.get("plan", ""))[:40], *days, *map(str, given.get("set") or ())))[:200]


#: Nothing is sealed: there is no record that a hook could publish.
_OPTIONS = {
    **COMMON,
    "flow_run_name": replay_name,
    "validate_parameters": True,
    "on_completion": [],
    "on_failure": [],
}


@flow(name="replay", timeout_seconds=3600, **_OPTIONS)
async def replay(
    plan: str = "demo",
    start: date | None = None,
    end: date | None = None,
    set: tuple[str, ...] = (),  # noqa: A002  # what the command line calls it
    cash: Decimal | None = None,
) -> State[Any]:
    """Replay a plan over past sessions, filled on paper; the report is an artifact.

    Args:
        plan: Name of a plan.
        start: First session; default a year of sessions before the last.
        end: Last session; default the newest that the feed has.
        set: Keys of the plan to set for this replay, each as KEY=VALUE.
        cash: Opening cash; default what the plan's paper account opens with.
    """
    with SyncClientContext.get_or_create():
        try:
            asked = ask(plan, Wish(start, end, assignments(set), cash=cash))
            return Completed(message=report_replay(replay_plan(asked)))
        except OpenbellError as error:
            return refused(error)
