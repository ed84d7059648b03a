"""What docs/live.md shows is run."""

import importlib.util
import re
from datetime import timedelta
from pathlib import Path

import openbell
from openbell.calendar.horizon import REFUSE, WARN
from openbell.cli.checking import check_file
from openbell.cli.checks.findings import ABOUT, LIMIT
from openbell.stages import guards
from openbell.values.job import JOBS

ROOT = Path(openbell.__file__).parent.parent
PAGE = (ROOT / "docs" / "live.md").read_text()


def test_the_table_of_checks_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("live_page", ROOT / "docs" / "live.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.page() == PAGE, "run `make docs`"
    assert all(f"| {name} |" in PAGE for name in ABOUT)


def test_the_live_plan_shown_is_valid_and_lives_by_its_own_terms(tmp_path):
    (body,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "gateway-live.toml"
    path.write_text(body)
    assert check_file(path).problems == ()
    path.write_text(body.replace('mode = "live", port = 4001, client_id = 81', "port = 4002, client_id = 81"))
    (problem,) = check_file(path).problems
    assert "the plan says live, its account is a paper one" in problem


def test_codes_numbers_and_jobs_that_the_page_names_are_those_of_the_code():
    shown = set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE))
    assert shown >= {guards.ENVIRONMENT, guards.NOT_SET_UP, guards.KEYS_REFUSED, guards.CLOCK, guards.NOT_ARMED}
    assert (timedelta(seconds=2), timedelta(seconds=1)) == (guards.CLOCK_LIMIT, guards.CLOCK_GOOD)
    assert (REFUSE.days, WARN.days, LIMIT) == (7, 30, 5)
    assert {name for name, job in JOBS.items() if job.sends} == {"trade", "exits"}
