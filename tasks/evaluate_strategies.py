"""evaluate-strategies."""

from prefect import get_run_logger, task

from openbell.jobs.run import Run
from openbell.jobs.trading import evaluate_market
from openbell.stages.evaluate import Evaluation
from openbell.values.market import Market
from openbell.values.signal import Stance
from tasks.handed import Handed
from tasks.policies import COMPUTE


@task(name="evaluate-strategies", **COMPUTE)
def evaluate_strategies(run: Run, market: Handed[Market]) -> Handed[Evaluation]:
    """What each strategy says of each symbol at the last bar."""
    evaluation = evaluate_market(run, market.value)
    if run.frozen is not None:
        get_run_logger().info("an earlier attempt has decided: its frozen plan is executed")
    acting = sum(signal.stance is not Stance.HOLD for signal in evaluation.signals)
    get_run_logger().info("%d signals, %d of them act", len(evaluation.signals), acting)
    for failure in evaluation.failures:
        get_run_logger().error("strategy %s failed: %s", failure.label, failure.detail)
    return Handed(evaluation)
