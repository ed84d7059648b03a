"""docs/settings.md: its tables are what the code says."""

import importlib.util
from pathlib import Path

import openbell
from openbell.settings import PREFIX, Settings
from openbell.strictness import PLAN_RULES, RULES

PAGE = Path(openbell.__file__).parents[1] / "docs" / "settings.py"


def test_O02_the_tables_of_settings_are_what_the_code_says():
    spec = importlib.util.spec_from_file_location("settings_page", PAGE)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert PAGE.with_suffix(".md").read_text() == made.page(), "run `make docs`"


def test_O02_every_setting_and_every_rule_of_an_environment_stands_there():
    text = PAGE.with_suffix(".md").read_text()
    assert all(f"`{PREFIX}{name.upper()}`" in text for name in Settings.model_fields)
    assert all(f"| {rule.words} |" in text for rule in (*RULES, *PLAN_RULES))


def test_every_setting_says_what_it_is_for():
    assert all(len(field.description or "") > 10 for field in Settings.model_fields.values())
