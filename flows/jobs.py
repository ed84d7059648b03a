"""How every job but ``trade`` is run: claim and guards first, then its own stages, then the sealed record."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext

import openbell.jobs.run
from flows.bell import begin
from flows.endings import ended, failed, refused, skipped
from flows.naming import named
from openbell.errors import OpenbellError
from openbell.jobs.run import Run
from openbell.values.job import Job
from openbell.values.work import Worked


async def run_job(job: Job, plan: str, stages: Callable[[Run], Worked]) -> State[Any]:
    """One run of a job; ``stages`` calls the job's tasks and says what they did."""
    with SyncClientContext.get_or_create():
        async with named():
            try:
                run = await begin(job, plan)
            except OpenbellError as error:
                return refused(error)
            if run.blocked:
                return await skipped(run)
            try:
                record = openbell.jobs.run.complete(run, stages(run))
            except OpenbellError as error:
                return await failed(run, error)
            return await ended(record)
