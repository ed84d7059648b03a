"""The name of a run in the Prefect UI, given while the run works."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

from flows.bell import run_name

#: Turns of the event loop after which a request is on its way; what follows does not give way until it has ended.
TURNS = 12
_log = logging.getLogger("openbell.naming")


@asynccontextmanager
async def named() -> AsyncIterator[None]:
    """Name the run as soon as it begins, without waiting for the server to have heard it.

    Prefect's own ``flow_run_name`` is a request of its own that each run would wait for before its first step. A name
    that cannot be given is logged, and changes nothing.
    """
    naming = asyncio.create_task(_name())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    try:
        yield
    finally:
        await naming


async def _name() -> None:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not isinstance(context.client, PrefectClient):
        return
    name = run_name()
    context.flow_run.name = name
    try:
        await context.client.update_flow_run(context.flow_run.id, name=name)
    except (httpx.HTTPError, PrefectException) as error:
        _log.warning("run %s could not be named %s: %s", context.flow_run.id, name, error)
