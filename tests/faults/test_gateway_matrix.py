"""The crash matrix at Interactive Brokers in small: every point with the worst that its gateway does with an order.

``make faults`` runs the whole of it: every point with every fault.
"""

import pytest

from tests.faults.matrix import checked
from tests.faults.points import POINTS
from tests.faults.trial import EARLY, FAULTS, GATEWAY_FAULTS, IBKR, SWALLOWED, Trial

# These start many processes; two such files at once would starve each other.
pytestmark = pytest.mark.xdist_group("heavy")


def trial(crashes=(), fault=FAULTS[0], scene="trade", kill_after=None):
    """A trial at the gateway, whose ids are never unique."""
    return Trial(scene, crashes, fault, unique=False, kill_after=kill_after, venue=IBKR)


#: Each point once; the faults take turns, so that every fault meets many points.
TRIALS = [
    pytest.param(
        trial(point.crashes(), fault, point.scene), id=f"{'_'.join(point.rows)}_{point.label}-{fault.replace(' ', '_')}"
    )
    for number, point in enumerate(POINTS.values())
    for fault in (GATEWAY_FAULTS[number % len(GATEWAY_FAULTS)],)
]


@pytest.mark.parametrize("trial", TRIALS)
def test_C01_to_C18_C24_at_the_gateway_a_killed_run_is_finished_without_a_second_order_or_a_lost_one(results, trial):
    assert checked(trial, results[trial]) == (), results[trial].notes
    assert results[trial].resent == 0


def test_I19_B01_B03_an_order_that_the_gateway_took_and_did_not_tell_of_is_found(lane):
    result = lane.run(trial(fault=FAULTS[1]))
    assert (result.findings, result.placed, result.recovered, result.abandoned) == ((), 5, 1, 0)


def test_I20_B02_an_order_that_the_gateway_swallowed_is_given_up_with_an_alert(lane):
    result = lane.run(trial(("after-sending",), SWALLOWED))
    # The first died with its process and the next one was swallowed: neither was ever there.
    assert (result.findings, result.placed, result.resent, result.abandoned) == ((), 3, 0, 2)


def test_C23_I04_another_worker_takes_nothing_before_the_lease_of_the_dead_one_ends(lane):
    result = lane.run(trial(("after-post", EARLY)))
    assert result.findings == ()
    assert (result.runs, result.placed, result.resent) == ({"skipped OVERLAP": 1, "completed": 1}, 5, 0)


def test_G3_kills_at_any_instant_leave_nothing_behind_at_the_gateway(lane):
    for number, instant in enumerate((0.1, 0.2, 0.3, 0.4)):
        result = lane.run(trial(fault=GATEWAY_FAULTS[number % len(GATEWAY_FAULTS)], kill_after=instant))
        assert result.findings == (), (instant, result.notes)
