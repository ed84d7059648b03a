"""The page on replays: what it shows is run."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import openbell
from openbell.cli import cli
from openbell.replay.statistics import statistics
from openbell.replay.telling import figures
from tests.cli.test_replay import write_bars
from tests.replay.samples import a_replay

ROOT = Path(openbell.__file__).parent.parent
PAGE = ROOT / "docs" / "replay.md"


def shown() -> list[str]:
    lines = [line for body in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in body.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if "openbell replay" in line]


@pytest.mark.parametrize("line", shown())
def test_every_replay_shown_works(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.parquet")
    places = {"OPENBELL_HOME": tmp_path, "OPENBELL_DATA": tmp_path, "OPENBELL_PLANS": ROOT / "deployments" / "plans"}
    words = shlex.split(line)[1:]
    result = CliRunner(env={name: str(path) for name, path in places.items()}).invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert "--out" not in words or (tmp_path / "report" / "report.html").exists()


def test_the_page_explains_the_figures_that_are_told() -> None:
    told = {name for rows in figures(statistics(a_replay())).values() for name, _ in rows}
    page = PAGE.read_text().lower()
    for name in (
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "maximum drawdown",
        "turnover",
        "exposure",
        "hit rate",
        "costs",
    ):
        assert any(name in one.lower() for one in told)
        assert name in page
