"""openbell alerts: what it shows, and how it refuses."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from openbell import store
from openbell.cli import cli
from openbell.settings import load_settings
from openbell.values.alert import AlertEvent, AlertStep
from openbell.values.slot import Slot
from tests.alerts.samples import NOW

PLAN = """\
name = "demo"
universe = ["AAPL", "FB", "IBM"]
[feed]
provider = "sample"
[[strategies]]
use = "sma_crossover"
"""
ALERTS = """\
plan = "demo"
[[below]]
name = "ibm-low"
symbol = "IBM"
price = 100
rearm_distance = 2.5
[[change]]
name = "ibm-falls"
symbol = "IBM"
percent = -5
bars = 3
[[rule]]
name = "trend"
when = "close > sma(50) and close > 0"
rearm_after = 5
note = "up"
[[rule]]
name = "off"
when = "close > 1"
symbols = ["AAPL"]
once = true
enabled = false
"""
AS_OF = ["--as-of", "2024-03-14T20:30:00Z"]


@pytest.fixture
def folder(home, monkeypatch):
    (home / "plans").mkdir()
    (home / "plans" / "demo.toml").write_text(PLAN)
    monkeypatch.setenv("OPENBELL_PLANS", str(home / "plans"))
    (home / "alerts").mkdir()
    (home / "alerts" / "mine.toml").write_text(ALERTS)
    return home / "alerts"


def run(*words):
    return CliRunner().invoke(cli, ["alerts", *words])


def fire():
    slot = Slot("demo", "alerts", NOW, NOW.date())
    url = load_settings().url
    fencing = store.open_journal(url).claim(slot, "run", timedelta(minutes=1)).fencing
    events = [AlertEvent("demo", "trend", symbol, "x", AlertStep.FIRED, NOW, "close = 5") for symbol in ("AAPL", "IBM")]
    store.open_alert_book(url).apply(slot, fencing, events, lambda _: ())


def test_list_shows_what_is_watched_and_where_it_stands(folder):
    fire()
    done = run("list")
    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "ibm-low below demo IBM 100 2.5% back armed -" in lines
    assert "ibm-falls change demo IBM -5% over 3 bars never armed -" in lines
    assert "trend rule demo all close > sma(50) and close > 0 after 5 bars fired on 2 up" in lines
    assert "off rule demo AAPL close > 1 never not enabled -" in lines
    shown = json.loads(run("list", "--json").output)
    assert [alert["alert"] for alert in shown["alerts"]] == ["ibm-low", "ibm-falls", "trend", "off"]
    assert shown["problems"] == []


def test_list_without_a_store_or_without_alerts_still_answers(folder, monkeypatch):
    monkeypatch.setenv("OPENBELL_HOME", str(folder / "nothing"))
    assert "armed" in run("list").output
    (folder / "mine.toml").unlink()
    assert run("list").output.startswith("no alert: put a file")
    assert "no store yet at" in run("history").output


def test_F13_validate_tells_every_problem_and_ends_with_1(folder):
    assert run("validate").output == f"{folder}/mine.toml: valid\n"
    bad = folder / "bad.toml"
    bad.write_text('plan = "demo"\n[[rule]]\nname = "x"\nwhen = "rsj(2) > 1"\nsymbols = ["XOM"]\nnoise = 1\n')
    done = run("validate")
    assert done.exit_code == 1
    assert f"error: {bad}:4: rule.0.when: unknown function 'rsj'; did you mean 'rsi'?, at column 1" in done.output
    assert "\n  rsj(2) > 1\n  ^\n" in done.output
    assert f"{bad}:6: rule.0.noise: unknown key; did you mean 'note'?" in done.output
    assert f"{folder}/mine.toml: valid" in done.output
    listed = json.loads(run("validate", "--json", str(bad)).output)
    assert (listed[0]["valid"], len(listed[0]["problems"])) == (False, 2)


def test_test_shows_the_values_of_the_parts_and_keeps_nothing(folder):
    done = run("test", "trend", *AS_OF)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("close > sma(50) and close > 0\nAt the bar of 2024-03-14 20:00 UTC")
    told = json.loads(run("test", "trend", *AS_OF, "--symbol", "IBM", "--json").output)
    (said,) = told["symbols"]
    assert said["symbol"] == "IBM"
    assert said["holds"] == (said["values"]["close"] > said["values"]["sma(50)"])
    assert store.open_alert_book(load_settings().url).events() == ()


def test_test_says_what_is_unknown_and_why(folder):
    done = run("test", "sma(2000) > 1", "--plan", "demo", *AS_OF, "--symbol", "FB")
    line = " ".join(done.output.splitlines()[-2].split())
    assert line.startswith("FB unknown sma(2000) = unknown (needs 2000 bars, there are "), done.output
    (said,) = json.loads(run("test", "ibm-low", "--json").output)["symbols"]
    assert said["holds"] is None or "level 100" in said["values"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tend"], "no alert 'tend'; did you mean 'trend'?"),
        (["close > 1"], "an expression needs --plan"),
        (["close > ", "--plan", "demo"], "the expression ends too early, at column 8"),
        (["close > 1", "--plan", "dmeo"], "no plan 'dmeo'"),
        (["trend", "--symbol", "XOM"], "'XOM' is no symbol of the alert"),
        (["trend", "--as-of", "yesterday"], "--as-of"),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(folder, words, told):
    done = run("test", *words)
    assert done.exit_code == 1
    assert told in done.output
    assert "Traceback" not in done.output


def test_history_is_newest_first_and_can_be_narrowed(folder):
    assert run("history").output == "no alert has fired yet\n"
    fire()
    lines = [" ".join(line.split()) for line in run("history").output.splitlines()]
    slot = "demo/alerts/2026-03-02T15:00:00Z"
    assert f"2026-03-02 15:00 UTC trend IBM fired close = 5 demo {slot}" in lines
    assert run("history", "--alert", "other").output == "no alert matches\n"
    found = json.loads(run("history", "--json", "--limit", "1").output)
    assert [(event["symbol"], event["step"]) for event in found] == [("IBM", "fired")]


def test_schema_is_json_schema(folder):
    assert "rearm_when" in run("schema").output
    found = json.loads(run("schema", "--json").output)
    assert set(found["properties"]) == {"plan", "above", "below", "change", "rule"}
    assert found["additionalProperties"] is False
