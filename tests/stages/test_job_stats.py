"""Statistics of a job over its newest runs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openbell.ports import RunSummary
from openbell.stages.job_stats import WEIGHT, job_stats, weighted
from openbell.values.record import Outcome

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def run(outcome, seconds=1.0, clock=NOW, **counters):
    finished = (clock or NOW) + timedelta(seconds=seconds)
    words = ("id", "p", "orders", "p/orders/x", NOW, date(2026, 11, 20), outcome, "", "")
    return RunSummary(*words, clock, NOW, finished, None, counters)


def of(*newest_first):
    return job_stats("p", "orders", newest_first)


def test_N02_failures_in_a_row_end_at_the_last_run_that_completed_and_skips_do_not_count():
    found = of(
        run(Outcome.FAILED), run(Outcome.SKIPPED), run(Outcome.INTERRUPTED), run(Outcome.COMPLETED), run(Outcome.FAILED)
    )
    assert found.consecutive_failures == 2
    assert found.failure_rate == 0.75
    assert found.outcomes == {"failed": 2, "skipped": 1, "interrupted": 1, "completed": 1}


def test_N02_the_newest_run_weighs_most():
    assert weighted([3.0, 1.0]) == pytest.approx(WEIGHT * 3 + (1 - WEIGHT) * 1)
    assert of(run(Outcome.COMPLETED, 3), run(Outcome.COMPLETED, 1)).average_seconds == pytest.approx(1.4)
    assert of(run(Outcome.COMPLETED, 3), run(Outcome.COMPLETED, 1)).longest_seconds == 3


def test_N02_what_has_no_duration_is_left_out():
    found = of(run(Outcome.MISSED, 500), run(Outcome.COMPLETED, 1, clock=None), run(Outcome.SKIPPED, 9))
    assert (found.average_seconds, found.longest_seconds) == (None, None)
    assert of(run(Outcome.MISSED)).failure_rate is None


def test_N04_counters_are_summed():
    assert of(run(Outcome.COMPLETED, checked=3), run(Outcome.COMPLETED, checked=4, filled=0)).counters == {"checked": 7}


def test_nothing_ran():
    found = of()
    assert (found.runs, found.consecutive_failures, found.last) == (0, 0, None)
