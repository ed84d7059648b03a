"""Flows that note when they get where: the deployments of ``lag`` and ``load`` run these instead of the plain ones.

A line of the file named by LAG_MARKS holds the flow run's id, a mark, the wall time and the CPU time of the process.
The marks: ``line``, the first of the flow's own code; ``claim``, when the slot is claimed and the guards are judged.
"""

import functools
import importlib
import json
import os
import time
from collections.abc import Callable
from typing import Any

from prefect import Flow, flow, task


def mark(name: str) -> None:
    with open(os.environ["LAG_MARKS"], "a") as file:  # noqa: PTH123
        run = os.environ.get("PREFECT__FLOW_RUN_ID", "")
        file.write(json.dumps([run, name, time.time(), time.process_time()]) + "\n")


@task
def stage() -> int:
    return 1


@flow
def bare() -> int:
    mark("line")
    return stage()


direct = bare


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_"):
        raise AttributeError(name)
    found: Flow[..., Any] = getattr(importlib.import_module(f"flows.{name}"), name)
    found.fn = _marked(found.fn)
    return found


def _marked(body: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(body)
    async def first(*values: Any, **options: Any) -> Any:
        mark("line")
        run = importlib.import_module("openbell.jobs.run")
        run.begin = _then(run.begin)
        return await body(*values, **options)

    return first


def _then(begin: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(begin)
    def marked(*values: Any, **options: Any) -> Any:
        run = begin(*values, **options)
        mark("claim")
        return run

    return marked
