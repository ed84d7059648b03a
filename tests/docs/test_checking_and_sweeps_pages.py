"""The pages on checking strategies and on sweeps: what they show is run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import openbell
from openbell import planfiles
from openbell.cli import cli
from openbell.replay.sweep.grid import MOST, parse_grid
from openbell.replay.sweep.work import FIGURES
from openbell.stages.promises import Promise

ROOT = Path(openbell.__file__).parent.parent
PLANS = ROOT / "deployments" / "plans"
CHECKING, SWEEPS = (ROOT / "docs" / name for name in ("checking-strategies.md", "sweeps.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def shown(page: Path, command: str) -> list[list[str]]:
    lines = [line.partition("#")[0].strip() for body in blocks(page, "sh") for line in body.splitlines()]
    return [shlex.split(line)[1:] for line in lines if f"openbell {command}" in line]


@pytest.fixture
def at(tmp_path, monkeypatch):
    """The command line in a folder with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (body,) = blocks(ROOT / "docs" / "strategies.md", "python")
    (tmp_path / "my_package").mkdir()
    for path in (Path("momentum.py"), Path("my_package/momentum.py")):
        path.write_text(body.replace("HigherClose", "Momentum"))
    Path("tomorrow.py").write_text(blocks(CHECKING, "python")[0])
    shutil.copy(PLANS / "demo.toml", "demo-new.toml")
    env = {"OPENBELL_HOME": str(tmp_path), "OPENBELL_PLANS": str(PLANS)}

    def run(*words: str) -> Result:
        return CliRunner(env=env).invoke(cli, words)

    return run


@pytest.mark.parametrize("words", shown(CHECKING, "check"), ids=" ".join)
def test_every_check_shown_works(at, words):
    result = at(*words, "--points", "5")
    assert result.exit_code == 0, result.output
    assert "keeps 10 of 10 promises" in result.output


def test_the_mistake_shown_is_found_as_the_page_says(at):
    result = at("check", "tomorrow.py")
    assert result.exit_code == 1
    (told,) = blocks(CHECKING, "text")
    assert " ".join(told.split()) in " ".join(result.output.split())


def test_the_page_names_every_promise():
    rows = re.findall(r"^\| ([^|]+) \|", CHECKING.read_text(), re.MULTILINE)
    assert {promise.value for promise in Promise} <= set(rows)


@pytest.mark.parametrize("words", shown(CHECKING, "rehearse"), ids=" ".join)
def test_every_rehearsal_shown_works(at, words):
    result = at(*words)
    assert result.exit_code == 0, result.output
    assert "All decisions of 40 slots are the same." in result.output


@pytest.mark.parametrize("words", [words for words in shown(SWEEPS, "sweep") if "--dask" not in words], ids=" ".join)
def test_every_sweep_shown_works(at, words):
    short = [] if "--from" in words else ["--from", "2026-09-01"]
    result = at(*words, *short, "--to", "2026-09-03" if short else "2024-01-31")
    assert result.exit_code == 0, result.output
    assert "--out" not in words or Path("sweep/results.csv").exists()


@pytest.mark.parametrize("words", shown(SWEEPS, "sweep"), ids=" ".join)
def test_every_grid_shown_is_one(words):
    plan = planfiles.load(PLANS / "demo.toml")
    assert len(parse_grid(plan, [word for word in words if "=" in word])) <= MOST


def test_the_page_names_every_figure_and_the_bound():
    page = SWEEPS.read_text()
    assert all(f"`{name}`" in page for name in FIGURES)
    assert f"{MOST:,} points" in page
