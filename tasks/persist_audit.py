"""persist-audit."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.trading import finish
from openbell.stages.evaluate import Evaluation
from openbell.stages.execute import Executed
from openbell.stages.judge import Gated
from openbell.values.market import Market
from openbell.values.record import RunRecord
from tasks.handed import Handed
from tasks.policies import ONCE


@task(name="persist-audit", **ONCE)
def persist_audit(
    run: Run,
    market: Handed[Market],
    evaluation: Handed[Evaluation],
    gated: Handed[Gated],
    executed: Handed[Executed],
) -> Handed[RunRecord]:
    """Seal the record of the run, chained to the one before."""
    record = finish(run, market.value, evaluation.value, gated.value, executed.value)
    get_run_logger().info("%s", record.message)
    return Handed(record)
