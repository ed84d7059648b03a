"""The crash matrix in small: every point once for each of two behaviours of the broker, with unique ids.

``make faults`` runs the whole of it.
"""

import pytest

from openbell import crashpoints
from tests.faults.matrix import checked
from tests.faults.points import POINTS
from tests.faults.trial import EARLY, FAULTS, FROZEN, FULL, ON_ACCEPT, Trial

# These start many processes; two such files at once would starve each other.
pytestmark = pytest.mark.xdist_group("heavy")

#: An order that is taken and not confirmed is the worst that a broker does.
TRIALS = [
    pytest.param(Trial(point.scene, point.crashes(), fault), id=f"{'_'.join(point.rows)}_{point.label}-{fault}")
    for point in POINTS.values()
    for fault in FAULTS[:2]
]
#: Room on the disk in KiB, from nothing to more than a run needs: each commit in turn is the one that fails.
ROOM = [pytest.param(Trial(crashes=(f"{FULL}:{room}",)), id=f"{room}") for room in range(0, 660, 82)]


@pytest.mark.parametrize("trial", TRIALS)
def test_C01_to_C18_C24_a_killed_run_is_finished_without_a_second_order_or_a_lost_one(results, trial):
    assert checked(trial, results[trial]) == (), results[trial].notes


def test_B01_B06_an_order_without_a_clear_answer_is_found_and_not_sent_again(lane):
    for fault in FAULTS[1:3]:
        result = lane.run(Trial(fault=fault))
        assert (result.findings, result.recovered, result.resent) == ((), 1, 0), fault


def test_C09_a_broker_without_unique_ids_is_never_sent_an_order_again(lane):
    result = lane.run(Trial(crashes=("after-sending",), unique=False))
    assert (result.findings, result.resent, result.abandoned) == ((), 0, 1)


def test_C09_an_order_that_is_proven_absent_is_sent_again_under_its_id(lane):
    result = lane.run(Trial(crashes=("after-sending",)))
    assert (result.findings, result.resent, result.abandoned) == ((), 1, 0)


def test_C23_another_worker_takes_nothing_before_the_lease_of_the_dead_one_ends(lane):
    result = lane.run(Trial(crashes=("after-post", EARLY)))
    assert result.findings == ()
    assert (result.runs, result.placed, result.recovered) == ({"skipped OVERLAP": 1, "completed": 1}, 5, 1)


@pytest.mark.parametrize("trial", ROOM)
def test_P02_a_full_disk_sends_nothing_without_a_commit_and_loses_no_row(results, trial):
    result = results[trial]
    assert result.findings == (), result.notes
    assert result.settled


def test_G3_kills_at_any_instant_leave_nothing_behind(lane):
    for number, instant in enumerate((0.05, 0.1, 0.15, 0.2, 0.25)):
        result = lane.run(Trial(fault=FAULTS[number % len(FAULTS)], kill_after=instant))
        assert result.findings == (), (instant, result.notes)


def test_every_crash_point_of_the_code_is_in_the_matrix():
    assert {point.name for point in POINTS.values()} - {ON_ACCEPT, FROZEN} == set(crashpoints.POINTS)
