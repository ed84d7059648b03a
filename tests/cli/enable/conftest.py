"""A gateway with a live login."""

import pytest

from tests.cli.enable.live import LIVE, ibkr


@pytest.fixture
def gateway(gateway_process):
    """A login of one live account."""
    gateway_process.reset()
    gateway_process.set(accounts=[LIVE])
    return gateway_process


@pytest.fixture
def live(empty, gateway, monkeypatch):
    """A live plan on the gateway, for the command line and for runs in this process."""
    monkeypatch.setenv("OPENBELL_HOME", str(empty.home))
    monkeypatch.setenv("OPENBELL_PLANS", str(empty.plans))
    empty.write(ibkr(gateway.port))
    return empty
