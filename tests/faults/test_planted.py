"""A judge is only worth what it catches: four bugs that other systems have, each found by the right invariant."""

import pytest

from tests.faults.trial import FAULTS, Trial

# These start many processes; two such files at once would starve each other.
pytestmark = pytest.mark.xdist_group("heavy")

BUGS = {
    "quantity in the id": (Trial("quantity in the id", ("after-post",)), {"I1", "I3"}),
    "resend without a look": (Trial("resend without a look", ("after-post",), unique=False), {"I1"}),
    "rejected on timeout": (Trial("rejected on timeout", fault=FAULTS[1]), {"I2"}),
    "gate outside": (Trial("gate outside"), {"I7"}),
}


@pytest.mark.parametrize(("trial", "invariants"), BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_caught(results, trial, invariants):
    assert invariants <= {invariant for invariant, _ in results[trial].findings}


@pytest.mark.parametrize("trial", [Trial("trade", ("after-post",), unique=False), Trial(fault=FAULTS[1])])
def test_the_same_trials_without_a_bug_have_no_finding(results, trial):
    assert results[trial].findings == ()


@pytest.mark.parametrize("trial", [Trial("two plans")])
def test_S05_of_two_plans_at_one_limit_one_gets_what_the_other_leaves(results, trial):
    result = results[trial]
    assert (result.findings, result.orders) == ((), 2)


@pytest.mark.parametrize("trial", [Trial("overlap")])
def test_S01_the_next_slot_is_a_stored_skip_while_the_one_before_is_at_work(results, trial):
    result = results[trial]
    assert (result.findings, result.runs, result.placed) == ((), {"completed": 1, "skipped OVERLAP": 1}, 5)


@pytest.mark.parametrize("trial", [Trial("crowd")])
def test_S02_X01_of_twenty_processes_that_start_one_slot_one_works(results, trial):
    result = results[trial]
    skipped = sum(count for outcome, count in result.runs.items() if outcome.startswith("skipped"))
    assert (result.findings, result.runs["completed"], skipped, result.placed) == ((), 1, 19, 5)
