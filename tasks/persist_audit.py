"""persist-audit."""

from prefect import get_run_logger, task

from openbell.stages.evaluate import Evaluation
from openbell.stages.execute import Executed
from openbell.stages.judge import Gated
from openbell.stages.seal import account_after
from openbell.values.market import Market
from openbell.values.record import Outcome, RunRecord
from tasks.handed import Handed
from tasks.policies import ONCE
from tasks.run import Run
from tasks.sealing import seal


@task(name="persist-audit", **ONCE)
def persist_audit(
    run: Run,
    market: Handed[Market],
    evaluation: Handed[Evaluation],
    gated: Handed[Gated],
    executed: Handed[Executed],
) -> Handed[RunRecord]:
    """Seal the record of the run, chained to the one before."""
    story = run.story
    story.market, story.evaluation = market.value, evaluation.value
    story.gated, story.executed = gated.value, executed.value
    story.account = account_after(run.desk.broker(), executed.value, market.value.account)
    record = seal(run, Outcome.COMPLETED, "", "")
    get_run_logger().info("%s", record.message)
    return Handed(record)
