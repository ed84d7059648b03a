"""One real Prefect server and worker for every test that needs them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prefect.events.worker import EventsWorker

from deployments.local import LocalPrefect, local_prefect
from openbell.calendar.exchange import exchange


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPrefect]:
    """Server and worker on free ports, with the deployments of prefect.yaml."""
    home = tmp_path_factory.mktemp("prefect")
    with local_prefect(home / "server", home / "store", fill=LocalPrefect.deploy) as local:
        yield local


@pytest.fixture(scope="module", autouse=True)
def _events_go_to_our_server() -> None:
    """A process keeps one connection for events, which may be one to a server of other tests that is gone."""
    EventsWorker.drain_all(timeout=10)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that OPENBELL_HOME points at."""
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path / "store"))
    return tmp_path / "store"


def session_open(sessions_ago: int = 1) -> datetime:
    """Five minutes after the open of a recent complete session."""
    market = exchange("XNYS")
    session: date = market.offset(market.last_complete(datetime.now(UTC)), 1 - sessions_ago)
    hours = market.hours(session)
    assert hours is not None
    return hours.opens + timedelta(minutes=5)
