"""The alerts flow through a real Prefect: it fires once, and its run says so."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.local import LocalPrefect

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server")]
ROOT = Path(__file__).parents[2]
PLAN = """\
name = "watched"
universe = ["AAA", "BBB"]
[feed]
provider = "files"
params = { path = "bars.csv", stamp = "session", zone = "UTC" }
[window]
exchange = "24/7"
[schedule.alerts]
every = "24h"
[[strategies]]
use = "buy_and_hold"
"""
ALERTS = """\
plan = "watched"
[[rule]]
name = "rising"
when = "close > sma(5)"
"""
SCRIPT = """
import asyncio
from flows.alerts import alerts
from openbell import store
from openbell.settings import load_settings

for _ in range(2):
    state = asyncio.run(alerts("watched", return_state=True))
    print(state.type.value, state.name, state.message)
print([event.symbol for event in store.open_alert_book(load_settings().url).events()])
"""


def bars() -> str:
    """Daily bars up to the last complete day: AAA rises, BBB falls."""
    today = datetime.now(UTC).date()
    lines = ["time,symbol,open,high,low,close,volume"]
    for back in range(30, 0, -1):
        for symbol, price in (("AAA", 100 - back), ("BBB", 100 + back)):
            day = today - timedelta(days=back)
            lines.append(f"{day},{symbol},{price},{price + 1},{price - 1},{price},1000")
    return "\n".join(lines)


def test_K02_the_flow_fires_an_alert_once_and_its_run_says_so(prefect: LocalPrefect, tmp_path: Path) -> None:
    for folder, name, text in (
        ("plans", "watched.toml", PLAN),
        ("alerts", "a.toml", ALERTS),
        ("data", "bars.csv", bars()),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        cwd=tmp_path,
        env={
            **prefect.environment,
            "PYTHONPATH": str(ROOT),
            "OPENBELL_HOME": str(tmp_path / "store"),
            "OPENBELL_PLANS": str(tmp_path / "plans"),
            "OPENBELL_ALERTS": str(tmp_path / "alerts"),
            "OPENBELL_DATA": str(tmp_path / "data"),
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, events = done.stdout.splitlines()[-3:]
    assert first == "COMPLETED Completed alerts: 1 fired (rising), 2 checked"
    assert second.startswith("COMPLETED Skipped ")
    assert events == "['AAA']"
