"""What docs/alerts.md shows is run."""

import importlib.util
import re
from pathlib import Path

import openbell
from openbell.alertfiles import examine
from openbell.alerts.functions import FUNCTIONS
from openbell.alerts.parser import MAX_BARS, MAX_DEPTH, parse
from openbell.alerts.tokens import MAX_LENGTH
from openbell.planfiles import load
from tests.alerts.samples import says, walk

ROOT = Path(openbell.__file__).parent.parent
PAGE = (ROOT / "docs" / "alerts.md").read_text()


def test_the_table_of_functions_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("alerts_page", ROOT / "docs" / "alerts.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.page() == PAGE, "run `make docs`"
    assert all(f"`{name}(" in PAGE for name in FUNCTIONS)


def test_the_file_shown_is_valid_for_the_demo_plan(tmp_path):
    (body,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "shown.toml").write_text(body)
    (file,) = examine([tmp_path / "shown.toml"], lambda name: load(ROOT / "deployments" / "plans" / f"{name}.toml"))
    assert file.problems == ()
    assert [alert.name for alert in file.alerts] == ["ibm-high", "ibm-low", "msft-falls", "oversold-in-uptrend"]


def test_every_expression_shown_says_something_of_every_symbol():
    block = next(body for body in re.findall(r"\n\n```\n(.*?)```", PAGE, re.DOTALL) if "golden cross" in body)
    shown = [re.split(r"\s{2,}", line)[0] for line in block.splitlines()]
    assert len(shown) >= 6
    for text in shown:
        assert set(says(text, walk(400))) <= {"yes", "no"}, text


def test_the_numbers_that_the_page_names_are_those_of_the_code():
    assert f"{MAX_LENGTH:,} characters" in PAGE
    assert f"nested {MAX_DEPTH} deep" in PAGE
    assert f"{MAX_BARS:,} bars" in PAGE
    assert parse("ema(50) > 1").bars == 200
    assert parse("rsi(14) > 1").bars == 109
    assert parse("ema(200) > 1").bars == 800
