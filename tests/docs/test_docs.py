"""What the pages show is run: commands exist, snippets work, the reference is what the code says."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from click.testing import CliRunner

import openbell
from openbell import planfiles
from openbell.calendar.schedule import Grid
from openbell.calendar.slots import grid_of
from openbell.cli import COMMANDS, cli
from openbell.stages.resolve import resolve
from openbell.strategies.base import Strategy
from openbell.values.job import JOBS
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE, Schedule
from tests.contracts.panels import random_bars
from tests.contracts.strategy_contract import check_causal, check_history, check_values

ROOT = Path(openbell.__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        found += [(page.name, body) for body in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)]
    return found


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_reference_is_what_the_code_says() -> None:
    page = module(ROOT / "docs" / "reference.py").page()
    assert (ROOT / "docs" / "reference.md").read_text() == page, "run `make docs`"


def test_every_plan_shown_can_run() -> None:
    shown = [tomllib.loads(body) for name, body in blocks("toml") if name != "alerts.md"]
    assert len(shown) >= 5
    frame = {"name": "shown", "universe": ["AAPL", "IBM", "MSFT"], "strategies": [{"use": "sma_crossover"}]}
    for part in shown:
        part["strategies"] = [s for s in part.get("strategies", []) if "my_package" not in s["use"]]
        whole = {**frame, **part, "strategies": part["strategies"] or frame["strategies"]}
        resolve(Plan.model_validate(whole))


def test_the_strategy_shown_keeps_the_promises(tmp_path: Path) -> None:
    (body,) = [body for name, body in blocks("python") if name == "strategies.md"]
    (tmp_path / "shown.py").write_text(body)
    strategy = module(tmp_path / "shown.py").HigherClose()
    assert isinstance(strategy, Strategy)
    bars = random_bars()
    check_values(strategy, bars)
    check_causal(strategy, bars)
    check_history(strategy, bars)


def commands() -> list[str]:
    lines = [line.strip() for _, body in blocks("sh") for line in body.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line and not line.startswith("#")]


#: Of PostgreSQL: there "openbell" is a database and its owner.
OTHERS = ("pg_dump", "pg_restore", "psql")


@pytest.mark.parametrize(
    "line", sorted({line for line in commands() if "openbell " in line and not any(word in line for word in OTHERS)})
)
def test_every_command_shown_exists(line: str) -> None:
    words = line[line.index("openbell ") :].split()
    assert words[1] in COMMANDS
    assert CliRunner().invoke(cli, [words[1], "--help"]).exit_code == 0


@pytest.mark.parametrize("line", sorted({line for line in commands() if line.startswith("make ")}))
def test_every_make_target_shown_exists(line: str) -> None:
    done = subprocess.run(["make", "-n", *line.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


IMPORTS = """
import importlib, json, sys
for entrypoint, parameters in json.loads(sys.argv[1]):
    module, _, name = entrypoint.rpartition(".")
    getattr(importlib.import_module(module), name).validate_parameters(parameters)
"""


def test_every_deployment_can_be_imported_and_takes_its_parameters() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    asked = json.dumps([(deployment["entrypoint"], deployment["parameters"]) for deployment in declared])
    command = [sys.executable, "-W", "ignore", "-c", IMPORTS, asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all("slug" in schedule for deployment in declared for schedule in deployment["schedules"])


def test_the_changelog_knows_this_version() -> None:
    assert f"[{openbell.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_demos_deployments_ring_for_every_instant_of_its_jobs_and_for_little_else() -> None:
    whole = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    declared = [deployment for deployment in whole if deployment["schedules"]]
    plan = planfiles.load(ROOT / "deployments" / "plans" / "demo.toml")
    assert {deployment["entrypoint"].split(".")[1] for deployment in declared} == set(CADENCE)
    start = datetime.now(UTC)
    for deployment in declared:
        job = deployment["entrypoint"].rpartition(".")[2]
        end = start + timedelta(days=300 if job == "snapshot" else 20)
        rung = {
            instant
            for line in deployment["schedules"]
            for instant in Grid.of(Schedule(cron=line["cron"], zone=line["timezone"]), plan.window).between(start, end)
        }
        wanted = {instant.replace(second=0) for instant in grid_of(plan, job).between(start, end)}
        assert wanted <= rung or JOBS[job].any_minute, f"{job} misses {sorted(wanted - rung)[:3]}"
        assert len(rung - wanted) <= 0.2 * len(rung), (
            f"{job} rings {len(rung - wanted)} of {len(rung)} times for nothing"
        )
