"""risk-gate."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.trading import gate
from openbell.stages.evaluate import Evaluation
from openbell.stages.judge import Gated
from openbell.values.market import Market
from openbell.values.verdict import Decision
from tasks.handed import Handed
from tasks.policies import COMPUTE


@task(name="risk-gate", **COMPUTE)
def risk_gate(run: Run, market: Handed[Market], evaluation: Handed[Evaluation]) -> Handed[Gated]:
    """Size, net and judge: one verdict per wanted order."""
    gated = gate(run, market.value, evaluation.value)
    denied = sum(verdict.decision is Decision.DENIED for verdict in gated.verdicts)
    get_run_logger().info("%d orders wanted, %d denied", len(gated.verdicts), denied)
    return Handed(gated)
