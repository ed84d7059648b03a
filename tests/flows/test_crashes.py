"""Runs of Prefect that are killed, stopped, terminated and cancelled: recovery finishes them, each order goes out once.

Few of the crash points are tried here, since a run through Prefect costs seconds; OPENBELL_TEST_THROUGH_PREFECT=all
tries every one. ``make faults`` tries them all without Prefect.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployments.local import LocalPrefect
from tests.flows.installation import Installation, ask, ended, points_asked_for, recover, state_of
from tests.servers import until

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]

#: The points of a trading run from start to end, and how many orders are out in the end at most: recovery sends none
#: for the first time, and one that never left again only while it is young.
SENT = {
    "before-claim": 0, "after-claim": 0, "after-guards": 0, "during-fetch": 0, "after-fetch": 0, "during-evaluate": 0,
    "after-evaluate": 0, "before-freeze": 0, "inside-freeze": 0, "after-freeze": 0, "before-send": 0,
    "inside-send-transaction": 0, "after-sending": 1, "after-post": 1, "inside-record": 1, "after-record": 1,
    "between-orders": 1, "before-seal": 5, "inside-seal": 5, "after-seal": 5,
}  # fmt: skip
POINTS = points_asked_for(("inside-freeze", "after-sending", "after-post", "before-seal"), tuple(SENT))


@pytest.fixture(scope="module")
def killed(prefect: LocalPrefect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Installation]]:
    """One installation for each point, in which the worker's run died there and recovery has been."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("killed")
        places = {point: stack.enter_context(Installation(prefect, folder / point)) for point in POINTS}
        for few in batches(list(places.items())):
            runs = [place.by_worker(point) for point, place in few]
            until(lambda runs=runs: ended(prefect, runs), 120)
            assert {state_of(prefect, run) for run in runs} == {"CRASHED"}
        recover(prefect, list(places.values()))
        yield places


def batches(places: list[tuple[str, Installation]], size: int = 4) -> list[list[tuple[str, Installation]]]:
    """So many runs at a time as a small machine bears."""
    return [places[start : start + size] for start in range(0, len(places), size)]


@pytest.mark.parametrize("point", POINTS)
def test_G2_a_run_killed_under_a_worker_is_recovered_without_a_second_order(
    killed: dict[str, Installation], point: str
) -> None:
    place = killed[point]
    evidence = place.evidence()
    assert place.judged() == ()
    assert len(evidence.ledger.placed) in ({0, 1} if point == "after-sending" else {SENT[point]})
    outcomes = [row["outcome"] for row in evidence["runs"] if "/trade/" in row["slot"]]
    assert outcomes in ([] if point == "before-claim" else ["interrupted"], ["completed"])


def test_S10_a_run_that_prefect_still_calls_running_is_closed_as_interrupted(
    prefect: LocalPrefect, tmp_path: Path
) -> None:
    with Installation(prefect, tmp_path / "home") as place:
        place.double.hold_answers(seconds=5)
        run, process = place.by_hand()
        until(place.double.accepted)
        process.kill()
        process.wait()
        recover(prefect, [place])
        assert state_of(prefect, run) == "RUNNING"
        assert place.judged() == ()
        evidence = place.evidence()
    assert [row["outcome"] for row in evidence["runs"] if "/trade/" in row["slot"]] == ["interrupted"]
    assert len(evidence.ledger.placed) == 1


def test_S11_C24_a_run_that_prefect_calls_crashed_stops_at_its_next_step(prefect: LocalPrefect, tmp_path: Path) -> None:
    with Installation(prefect, tmp_path / "home") as place:
        place.double.hold_answers(seconds=1)
        run, process = place.by_hand()
        until(place.double.accepted)
        process.send_signal(signal.SIGSTOP)
        ask(prefect, "POST", f"flow_runs/{run}/set_state", {"state": {"type": "CRASHED"}, "force": True})
        recover(prefect, [place])
        process.send_signal(signal.SIGCONT)
        process.wait(timeout=30)
        assert place.judged() == ()
        assert place.double.accepted() == 1
        (record,) = [row for row in place.evidence()["runs"] if "/trade/" in row["slot"]]
    assert (record["outcome"], state_of(prefect, run)) == ("interrupted", "FAILED")


def test_C22_a_terminated_run_sends_nothing_more_and_ends_within_ten_seconds(
    prefect: LocalPrefect, tmp_path: Path
) -> None:
    """Once with the second order on the wire, once with a question between the first and the second.

    The second has another process above it, as in a container, and that one alone is asked to stop.
    """
    with Installation(prefect, tmp_path / "wire") as wire, Installation(prefect, tmp_path / "between") as between:
        wire.double.hold_answers(4, nth=2)
        run, process = wire.by_hand()
        until(lambda: wire.double.accepted() == 2)
        terminate(wire, run, process)
        between.double.hold_answers(3)
        run, process = between.by_hand("prefect", "flow-run", "execute")
        until(between.double.accepted)
        asked = between.double.arrived("GET")
        between.double.hold_answers(4, "GET")
        until(lambda: between.double.arrived("GET") > asked)
        terminate(between, run, process)
        recover(prefect, [wire, between])
        assert (wire.judged(), between.judged()) == ((), ())
        assert (wire.double.accepted(), between.double.accepted()) == (2, 1)
        assert {row["state"] for row in wire.evidence()["orders"]} == {"filled", "abandoned"}


def terminate(place: Installation, run: str, process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, which ends the run in time, whoever of its processes it reaches."""
    start = time.monotonic()
    process.terminate()
    process.wait(timeout=30)
    until(lambda: state_of(place.prefect, run) == "CRASHED", 10)
    assert time.monotonic() - start < 10


def test_C22_a_cancelled_run_stops_in_the_middle_of_its_basket(prefect: LocalPrefect, tmp_path: Path) -> None:
    """How soon depends on the worker, which has to hear of it; each answer is held back meanwhile."""
    with Installation(prefect, tmp_path / "home") as place:
        place.double.hold_answers(4, times=0)
        run = place.by_worker()
        until(place.double.accepted)
        ask(prefect, "POST", f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        until(lambda: state_of(prefect, run) == "CANCELLED")
        sent = place.double.accepted()
        recover(prefect, [place])
        assert place.judged() == ()
        assert sent == place.double.accepted() < 5
