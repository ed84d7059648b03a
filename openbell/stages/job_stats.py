"""How a job has been doing lately: durations, failures, what it counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from openbell.ports import RunSummary
from openbell.values.record import Outcome

#: Weight of the newest run in the moving average of durations; each older one weighs so much less.
WEIGHT = 0.2
#: Outcomes of runs that worked: skips and missed slots neither fail nor take time.
WORKED = (Outcome.COMPLETED, Outcome.FAILED, Outcome.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class JobStats:
    """The newest runs of one job of one plan in numbers; ``average_seconds`` weighs the newest most.

    ``failure_rate`` is the share of the runs that worked and did not complete, None when none worked.
    """

    plan: str
    job: str
    runs: int
    outcomes: dict[str, int]
    failure_rate: float | None
    consecutive_failures: int
    average_seconds: float | None
    longest_seconds: float | None
    counters: dict[str, int]
    first: datetime | None
    last: datetime | None


def job_stats(plan: str, job: str, newest_first: Sequence[RunSummary]) -> JobStats:
    """The statistics of runs of one job."""
    worked = [run for run in newest_first if run.outcome in WORKED]
    seconds = [run.seconds for run in worked if run.seconds is not None]
    failed = [run.outcome is not Outcome.COMPLETED for run in worked]
    counters: Counter[str] = Counter()
    for run in newest_first:
        counters.update(run.counters)
    return JobStats(
        plan=plan,
        job=job,
        runs=len(newest_first),
        outcomes=dict(Counter(run.outcome.value for run in newest_first)),
        failure_rate=sum(failed) / len(failed) if failed else None,
        consecutive_failures=failed.index(False) if False in failed else len(failed),
        average_seconds=weighted(seconds),
        longest_seconds=max(seconds, default=None),
        counters={name: number for name, number in counters.items() if number},
        first=newest_first[-1].planned if newest_first else None,
        last=newest_first[0].planned if newest_first else None,
    )


def weighted(newest_first: Iterable[float]) -> float | None:
    """The exponentially weighted average, None of nothing."""
    average = None
    for value in reversed(list(newest_first)):
        average = value if average is None else WEIGHT * value + (1 - WEIGHT) * average
    return average
