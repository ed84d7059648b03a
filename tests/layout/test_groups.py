"""Tests that share a server or starve each other are given to one worker of pytest-xdist."""

import pytest


@pytest.mark.xdist_group("groups")
def test_a_group_is_part_of_the_name_that_xdist_deals_out(request: pytest.FixtureRequest) -> None:
    if not hasattr(request.config, "workerinput"):
        pytest.skip("needs pytest -n 2")
    assert request.node.nodeid.endswith("@groups")
