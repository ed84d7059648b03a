"""What a run does while Prefect reads it once more before its first line: its desk is opened, and a name is found.

Opening a desk reads files and the store, which fits into the time in which a run only waits for the server. Nothing is
decided or claimed here. Prefect's own ``flow_run_name`` is a request that each run would wait for; here the server
hears of the name while the run works.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.flows import Flow

from blocks.desk import Desk, open_desk
from flows.asked import Asked, asked
from flows.naming import run_name
from openbell.errors import InputError, OpenbellError

#: Seconds in which Prefect's own request gets on its way; what begins then does not give way before it has ended.
HEAD_START = 0.001
#: Turns of the event loop after which a request is on its way; what follows does not give way either.
TURNS = 12
#: New objects after which Python looks for cycles among them. A run makes thousands that live until its end, so that
#: looking every 700, as Python does by itself, finds nothing and costs a tenth of the run's own time.
OBJECTS = 20_000
_log = logging.getLogger("openbell.early")


@dataclass(frozen=True, slots=True)
class Early:
    """What was asked for, the run by its new name, and a desk that is being opened."""

    wish: Asked
    run: FlowRun
    opening: asyncio.Task[Desk | OpenbellError]


_EARLY: ContextVar[Early | None] = ContextVar("openbell_early", default=None)


def begin_early(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  # Prefect's names
    """Hook of a flow whose run was just allowed to work; what cannot be asked for is left for the flow to refuse."""
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    defaults = {name: about.get("default") for name, about in flow.parameters.properties.items()}
    try:
        wish = asked({**defaults, **(flow_run.parameters or {})})
    except InputError:
        _EARLY.set(None)
        return
    _EARLY.set(Early(wish, flow_run, asyncio.create_task(_open(flow.name, wish, flow_run))))


async def _open(job: str, wish: Asked, run: FlowRun) -> Desk | OpenbellError:
    await asyncio.sleep(HEAD_START)
    run.name = run_name(job, wish, run.expected_start_time)
    try:
        return open_desk(wish.plan, wish.as_of)
    except OpenbellError as error:
        return error


async def opened(wish: Asked) -> Desk:
    """The desk as it was opened early, or as it is opened now; what was wrong with it is raised."""
    early = _EARLY.get()
    if early is None or early.wish != wish:
        return open_desk(wish.plan, wish.as_of)
    desk = await early.opening
    if isinstance(desk, OpenbellError):
        raise desk
    return desk


@asynccontextmanager
async def named() -> AsyncIterator[None]:
    """A run that goes by its name at once, and does not end before the server has heard it."""
    early = _EARLY.get()
    if early is None:
        yield
        return
    await early.opening
    naming = asyncio.create_task(_name(early.run))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    try:
        yield
    finally:
        await naming


async def _name(run: FlowRun) -> None:
    """A name that cannot be given is logged, and changes nothing."""
    context = FlowRunContext.get()
    if context and context.flow_run:
        context.flow_run.name = run.name
    try:
        await get_client().update_flow_run(run.id, name=run.name)
    except (httpx.HTTPError, PrefectException) as error:
        _log.warning("run %s could not be named %s: %s", run.id, run.name, error)
