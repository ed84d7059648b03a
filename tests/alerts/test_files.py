"""Alert files: every problem is told with file, line and key, and the schema is what the models say."""

import json
from pathlib import Path

import pytest

import openbell
from openbell.alertfiles import alerts_folder, examine, examine_all
from openbell.alerts.definitions import AlertFile
from openbell.errors import InputError
from openbell.planfiles import load
from openbell.settings import Settings
from openbell.values.plan import Plan

ROOT = Path(openbell.__file__).parent.parent
PLAN = Plan.model_validate(
    {"name": "demo", "universe": ["AAPL", "IBM", "MSFT"], "strategies": [{"use": "sma_crossover"}]}
)
GOOD = """\
plan = "demo"

[[above]]
name = "ibm-high"
symbol = "IBM"
price = 230.5

[[change]]
name = "ibm-falls"
symbol = "IBM"
percent = -5

[[rule]]
name = "oversold"
when = "rsi(14) < 30"
symbols = ["AAPL", "IBM"]
rearm_when = "rsi(14) > 40"
"""


def plan_of(name):
    return PLAN if name == "demo" else f"no plan {name!r}"


def put(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text)
    return path


def problems(path):
    return [problem.removeprefix(str(path)) for problem in examine([path], plan_of)[0].problems]


def test_K03_a_good_file_is_read(tmp_path):
    (file,) = examine_all(put(tmp_path, GOOD).parent, plan_of)
    assert file.problems == ()
    assert [alert.name for alert in file.alerts] == ["ibm-high", "ibm-falls", "oversold"]
    assert str(file.content.above[0].price) == "230.5"


WRONG = [
    ("price = ", "prise = ", [":3: above.0.price: a required key", ":6: above.0.prise: unknown key; did you mean"]),
    ("[[rule]]", "[[rules]]", [":13: rules: unknown key; did you mean 'rule'?"]),
    ("rearm_when", "rearm_then", [":17: rule.0.rearm_then: unknown key; did you mean 'rearm_when'?"]),
    ('plan = "demo"', "", [": plan: a required key is missing"]),
    ('plan = "demo"', 'plan = "dmeo"', [":1: plan: no plan 'dmeo'"]),
    ("price = 230.5", "price = 0", [":6: above.0.price: Input should be greater than 0"]),
    ("price = 230.5", "price = nan", [":6: above.0.price: Input should be a finite number"]),
    ("price = 230.5", 'price = "much"', [":6: above.0.price: Input should be a valid decimal"]),
    ("price = 230.5", "price = 1\nrearm_distance = 100", [":7: above.0.rearm_distance: Input should be less than"]),
    ("percent = -5", "percent = 0", [":11: change.0.percent: a change of 0 percent is always there"]),
    ("percent = -5", "percent = -100", [":11: change.0.percent: Input should be greater than -100"]),
    ("percent = -5", "percent = 5\nbars = 201", [":12: change.0.bars: Input should be less than or equal to 200"]),
    ("percent = -5", 'percent = -5\nenabled = "yes"', [":12: change.0.enabled: Input should be a valid boolean"]),
    ('"oversold"', '"Over Sold"', [":14: rule.0.name: 'Over Sold' is not 1 to 60 of a-z"]),
    ('"oversold"', '"ibm-high"', [":14: rule.0.name: 'ibm-high' is the name of the alert at "]),
    ('"AAPL", "IBM"]', '"AAPL", "IBN"]', [":16: rule.0.symbols: IBN is not in the universe of plan demo; did you"]),
    ('"AAPL", "IBM"]', '"AAPL", "ibm"]', [":16: rule.0.symbols: symbol 'ibm' is not"]),
    ('"AAPL", "IBM"]', '"IBM", "IBM"]', [":16: rule.0.symbols: a symbol stands twice"]),
    ('"IBM"\nprice', '"XOM"\nprice', [":5: above.0.symbol: XOM is not in the universe of plan demo; there are AAPL"]),
    ('"rsi(14) > 40"', '"rsi(14) > 40"\nrearm_after = 5', [":13: rule.0: rearm_when and rearm_after contradict"]),
    ('"rsi(14) > 40"', '"rsi(14) > 40"\nonce = true', [":13: rule.0: rearm_when and once contradict each other"]),
    ('"rsi(14) > 40"', '"rsi(close, 14) < 30"', [":13: rule.0: rearm_when is the same as when"]),
    ('rearm_when = "rsi(14) > 40"', "rearm_after = 0", [":17: rule.0.rearm_after: Input should be greater than or"]),
    ('"rsi(14) < 30"', '""', [":15: rule.0.when: the expression is empty"]),
    ('"rsi(14) < 30"', "5", [":15: rule.0.when: Input should be a valid string"]),
    ('"rsi(14) < 30"', f'"{"x" * 10_000}"', [":15: rule.0.when: the expression has 10000 characters, above the limit"]),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_K03_what_is_wrong_is_told_with_line_key_and_the_nearest_valid_one(tmp_path, old, new, told):
    assert old in GOOD
    found = problems(put(tmp_path, GOOD.replace(old, new)))
    assert len(found) == len(told), found
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True)), found


def test_the_place_of_an_error_in_an_expression_is_shown_under_it(tmp_path):
    (told,) = problems(put(tmp_path, GOOD.replace("rsi(14) < 30", "close > 1 and rsj(14) < 30")))
    first, shown, caret = told.splitlines()
    assert first == ":15: rule.0.when: unknown function 'rsj'; did you mean 'rsi'?, at column 15"
    assert caret.index("^") == shown.index("rsj")


def test_a_name_that_another_file_has_is_told_with_both_places(tmp_path):
    put(tmp_path, GOOD, "a.toml")
    put(tmp_path, GOOD.replace("ibm-high", "other").replace("oversold", "another"), "b.toml")
    first, second = examine_all(tmp_path, plan_of)
    assert first.problems == ()
    (told,) = second.problems
    assert (
        told
        == f"{tmp_path}/b.toml:9: change.0.name: 'ibm-falls' is the name of the alert at {tmp_path}/a.toml:9 already"
    )
    assert (len(first.alerts), second.alerts) == (3, ())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plan = ", ": Invalid value (at end of document)"),
        ("plan = 'demo'\nplan = 'demo'\n", ":2: column"),
        ("x = " + "[" * 100_000, ": values are nested too deep"),
        ("# " + "x" * 300_000, ": 300002 bytes are above the limit of 262144 for a file of alerts"),
    ],
)
def test_F13_what_is_no_alert_file_at_all_is_refused_in_one_line(tmp_path, text, told):
    (found,) = problems(put(tmp_path, text))
    assert found.startswith(told)


def test_plans_that_are_not_looked_at_are_no_problem(tmp_path):
    (file,) = examine([put(tmp_path, GOOD.replace("IBM", "XOM"))], lambda name: None)
    assert file.problems == ()


def test_the_folder_is_the_one_of_the_setting(tmp_path):
    assert alerts_folder(Settings(alerts=tmp_path)) == tmp_path
    with pytest.raises(InputError, match=r"OPENBELL_ALERTS: '.*nowhere' is not a folder"):
        alerts_folder(Settings(alerts=tmp_path / "nowhere"))


def test_K03_the_schema_that_is_kept_is_that_of_the_models():
    kept = (ROOT / "deployments" / "alerts" / "schema.json").read_text()
    written = json.dumps(AlertFile.model_json_schema(), indent=2) + "\n"
    assert kept == written, "openbell alerts schema --json > deployments/alerts/schema.json"


def test_the_alerts_that_come_with_it_are_valid():
    plans = ROOT / "deployments" / "plans"
    files = examine_all(ROOT / "deployments" / "alerts", lambda name: load(plans / f"{name}.toml"))
    assert files
    assert [file.problems for file in files] == [()] * len(files)
