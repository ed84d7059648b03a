"""A home with one plan whose exchange never closes, so that there is always something due."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from openbell import store
from openbell.cli import cli
from openbell.values.record import Outcome
from openbell.values.slot import Slot
from tests.notifiers.receiver import Receiver, receiving

OFF = "".join(f"[schedule.{job}]\nenabled = false\n" for job in ("exits", "prices", "alerts", "snapshot", "positions"))
PLAN = f"""\
name = "demo"
universe = ["AAPL"]

[window]
exchange = "24/7"

[schedule.trade]
every = "1h"

{OFF}
[[strategies]]
use = "buy_and_hold"

[notify]
targets = [
  {{ to = "env:OPENBELL_NOTIFY_OPS", private = true }},
  {{ to = "slack-webhook/ops" }},
]
"""


@dataclass(frozen=True)
class Home:
    """The command line, the store and the plan of one installation."""

    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'openbell.db'}"

    def __call__(self, *words: str, **env: str) -> Result:
        given = {"OPENBELL_HOME": str(self.folder), "OPENBELL_PLANS": str(self.folder / "plans"), **env}
        result = CliRunner(env=given).invoke(cli, words, prog_name="openbell")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    @property
    def journal(self):
        return store.open_journal(self.url)

    def beat(self, ago: timedelta) -> None:
        """A heartbeat that Prefect made some time ago."""
        now = datetime.now(UTC) - ago
        planned = now.replace(second=0, microsecond=0)
        slot = Slot("demo", "heartbeat", planned, planned.date())
        claim = self.journal.claim(slot, f"beat-{planned:%H%M}", timedelta(minutes=1))
        self.journal.release(slot, claim.fencing, Outcome.COMPLETED, "")

    def runs(self, **which: Any):
        return store.open_history(self.url).runs(limit=1000, **which)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    """What a command sets up for its own process ends with the test."""
    logger = logging.getLogger("openbell")
    before = logger.level, logger.propagate, logger.handlers[:]
    yield
    logger.level, logger.propagate, logger.handlers[:] = before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Iterator[Home]:
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    # Nothing listens there: whatever asked Prefect would fail.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("OPENBELL_NOTIFY_OPS", receiver.url())
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "demo.toml").write_text(PLAN)
    made = Home(tmp_path)
    store.upgrade(made.url)
    yield made
    store.close(made.url)
