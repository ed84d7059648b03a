"""A plan that is swept, as a request and as a command."""

import sys
from datetime import date
from pathlib import Path

from openbell.feeds.sample import SampleFeed
from openbell.replay.request import Request
from openbell.replay.sweep.sweep import Labour
from openbell.values.plan import Plan

PLAN = Plan.model_validate(
    {
        "name": "swept",
        "universe": ("AAPL", "IBM", "MSFT"),
        "schedule": {"trade": {"at": ["open+5m"]}},
        "strategies": (
            {"use": "sma_crossover", "params": {"fast": 5, "slow": 20}},
            {"use": "ts_momentum", "params": {"window": 20}},
            {"use": "xs_momentum", "params": {"window": 20}},
        ),
    }
)


GRID = ("fast=3,5", "slow=10:20:10")


def asked(plan: Plan = PLAN) -> Request:
    return Request(plan, SampleFeed(), date(2026, 9, 1), date(2026, 10, 30))


def labour(path: Path, **changes) -> Labour:
    return Labour(**{"rows": path / "rows.jsonl", "jobs": 1, **changes})


TOML = """
name = "swept"
universe = ["AAPL", "IBM", "MSFT"]
[schedule.trade]
at = ["open+5m"]
[[strategies]]
use = "sma_crossover"
"""


def command(folder: Path, *words: str, grid: tuple[str, ...] = ("fast=3,5,7", "slow=10,20")) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "swept.toml").write_text(TOML)
    span = ("--from", "2026-09-01", "--to", "2026-10-30", "--out", str(folder), "--json")
    start = [sys.executable, "-c", "from openbell.cli import main; main()", "sweep", str(folder / "swept.toml")]
    return [*start, "--grid", *grid, *span, *words]
