"""The name of a run in the Prefect UI.

Prefect's own ``flow_run_name`` is a request that each run would wait for before its first step, and one beside the
steps keeps the server from them. So a run is named when it has ended, with the pages about it, and earlier if it lasts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from prefect.context import FlowRunContext, get_settings_context

from flows.bell import run_name
from tasks.publication import tell_name

#: Seconds after which a run that has not ended is named all the same.
LASTING = 1.0


@contextmanager
def named() -> Iterator[None]:
    """The run has its name here from now on, and at the server soon."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        yield
        return
    context.flow_run.name = run_name()
    lasting = Timer(LASTING, tell_name, (context.flow_run, get_settings_context()))
    lasting.start()
    try:
        yield
    finally:
        lasting.cancel()
