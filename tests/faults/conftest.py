"""Lanes for the tests: one for single trials, and several at once for the small matrix."""

import pytest

from tests.faults.lanes import LaneProcess, run_all

#: Trials at a time; most of a trial is waiting.
LANES = 3


@pytest.fixture(scope="session")
def lane(tmp_path_factory):
    """Runs trials in a process of its own; what is left of those with findings stays in pytest's folder."""
    with LaneProcess(tmp_path_factory.mktemp("faults")) as process:
        yield process


@pytest.fixture(scope="session")
def results(request, tmp_path_factory):
    """The results of every trial that a selected test is parametrized with, run side by side before the first."""
    selected = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    trials = [params["trial"] for params in selected if "trial" in params]
    return dict(run_all(trials, tmp_path_factory.mktemp("matrix"), min(LANES, len(trials))))
