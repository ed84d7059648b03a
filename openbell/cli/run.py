"""One run of a job by hand, without Prefect."""

import sys
import uuid

import click

from openbell import loglines
from openbell.cli.output import emit, machine, say
from openbell.desk import open_desk
from openbell.jobs.perform import PERFORM, perform
from openbell.settings import load_settings
from openbell.stages.report import headline
from openbell.values.record import Outcome


@click.command(epilog="Example: openbell run orders demo")
@click.argument("job", type=click.Choice(list(PERFORM)))
@click.argument("plan")
@machine
def run(job: str, plan: str, as_json: bool) -> None:
    """Run one job of a plan now, in this process: the same slot, guards and record as a scheduled run.

    What Prefect does with `prefect deployment run JOB/PLAN`, for machines and moments without it. The exit code is 1
    when the run failed; a skip is no failure.
    """
    loglines.set_up_json(load_settings())
    record = perform(open_desk(plan), job, f"hand-{uuid.uuid4()}")
    if as_json:
        emit(record)
    else:
        say(headline(record))
        say(f"`openbell show {record.id}` shows the run.")
    if record.outcome is Outcome.FAILED:
        sys.exit(1)
