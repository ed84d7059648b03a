"""Settings: what is unknown is refused, and what each environment asks of installation and plan."""

import subprocess
import sys
from pathlib import Path

import pytest

from openbell.cli import COMMANDS
from openbell.errors import SettingsError
from openbell.settings import Settings, load_settings
from openbell.store.connect import parse_url
from openbell.strictness import check
from openbell.values.plan import Plan


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in ("OPENBELL_ENVIRONMENT", "OPENBELL_DATABASE_URL", "OPENBELL_TEST_POSTGRES", "OPENBELL_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))


def plan(**changes):
    whole = {
        "name": "demo",
        "universe": ["AAPL"],
        "strategies": [{"use": "buy_and_hold"}],
        "feed": {"provider": "files"},
        "notify": {"targets": [{"to": "env:OPENBELL_NOTIFY_OPS"}]},
    }
    return Plan.model_validate(whole | changes)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("OPENBELL_HOMES", "OPENBELL_HOME"),
        ("OPENBELL_ENVIROMENT", "OPENBELL_ENVIRONMENT"),
        ("OPENBELL_LOGLEVEL", "OPENBELL_LOG_LEVEL"),
    ],
)
def test_O01_an_unknown_variable_is_refused_by_name_with_the_nearest(monkeypatch, name, near):
    monkeypatch.setenv(name, "secret-value-1")
    with pytest.raises(SettingsError, match=f"{name} is not known; did you mean '{near}'") as caught:
        load_settings()
    assert "secret-value-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("ENVIRONMENT", "prod"), ("LOG_LEVEL", "LOUD"), ("LOG_FORMAT", "xml"), ("ENVIRONMENT", "")]
)
def test_O03_a_value_that_is_none_of_the_choices_is_refused_with_them(monkeypatch, name, value):
    monkeypatch.setenv(f"OPENBELL_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert name.lower() in str(caught.value).lower()
    assert "Traceback" not in str(caught.value)


def test_O01_names_of_tests_and_targets_are_no_mistake(monkeypatch):
    monkeypatch.setenv("OPENBELL_TEST_ANYTHING", "1")
    monkeypatch.setenv("OPENBELL_NOTIFY_OPS", "https://hooks.example/x")
    load_settings()


def refusals(monkeypatch, environment, of=None):
    monkeypatch.setenv("OPENBELL_ENVIRONMENT", environment)
    try:
        check(load_settings(), of)
    except SettingsError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_O03_a_private_home_and_a_plan_that_tells_somebody_are_right_everywhere(monkeypatch, tmp_path, environment):
    tmp_path.chmod(0o700)
    assert refusals(monkeypatch, environment, plan()) == []


@pytest.mark.parametrize(
    ("environment", "mode", "refused"),
    [
        ("development", "paper", False),
        ("development", "live", True),
        ("staging", "paper", True),
        ("production", "paper", True),
    ],
)
@pytest.mark.parametrize("file", ["", "openbell.db", "openbell.db-wal", "HALT"])
@pytest.mark.parametrize("wide", [0o644, 0o666, 0o640, 0o604])
def test_X18_what_others_can_open_is_refused_by_name(monkeypatch, tmp_path, environment, mode, refused, file, wide):
    tmp_path.chmod(0o700)
    path = tmp_path / file
    if file:
        path.touch(mode=0o600)
        path.chmod(wide)
    else:
        path.chmod(wide | 0o100)
    found = refusals(monkeypatch, environment, plan(mode=mode))
    tmp_path.chmod(0o700)
    assert any(f"chmod {'600' if file else '700'} {path}" in line for line in found) is refused


@pytest.mark.parametrize(
    ("environment", "changes", "words"),
    [
        ("staging", {"mode": "live"}, "staging trades on paper only"),
        ("production", {"notify": {}}, "nobody would be told"),
        ("production", {"notify": {"enabled": False, "targets": [{"to": "env:OPENBELL_NOTIFY_OPS"}]}}, "nobody would"),
        ("production", {"feed": {"provider": "sample"}}, "sample prices"),
    ],
)
def test_O03_what_an_environment_asks_of_a_plan(monkeypatch, tmp_path, environment, changes, words):
    tmp_path.chmod(0o700)
    assert any(words in line for line in refusals(monkeypatch, environment, plan(**changes)))
    assert refusals(monkeypatch, "development", plan(**{**changes, "mode": "paper"})) == []
    assert refusals(monkeypatch, environment, plan(**changes, enabled=False)) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("OPENBELL_LOG_LEVEL", "DEBUG", "DEBUG"), ("OPENBELL_TEST_CRASH", "after-post", "OPENBELL_TEST_CRASH")],
)
def test_X19_production_refuses_what_belongs_to_development(monkeypatch, tmp_path, name, value, words):
    tmp_path.chmod(0o700)
    monkeypatch.setenv(name, value)
    assert any(words in line for line in refusals(monkeypatch, "production"))
    assert refusals(monkeypatch, "development") == []


def test_a_relative_home_is_refused_where_it_matters(monkeypatch):
    monkeypatch.setenv("OPENBELL_HOME", "var/x")
    assert any("make it absolute" in line for line in refusals(monkeypatch, "staging"))


def test_what_adds_risk_is_refused_and_what_protects_goes_on(home):
    home.folder.chmod(0o755)
    entries = home("run", "trade", "demo", OPENBELL_ENVIRONMENT="staging")
    protects = home("run", "orders", "demo", OPENBELL_ENVIRONMENT="staging")
    home.folder.chmod(0o700)
    assert (entries.exit_code, f"chmod 700 {home.folder}" in entries.stderr) == (1, True)
    assert protects.exit_code == 0
    assert home.runs(job="trade") == ()


def test_validate_names_what_the_environment_does_not_allow(home):
    result = home("validate", OPENBELL_ENVIRONMENT="production")
    assert result.exit_code == 1
    assert "sample prices" in result.output


def test_X18_what_is_made_can_be_opened_by_its_owner_alone(tmp_path):
    script = "import os; os.umask(0); from openbell.cli import main; main()"
    target = tmp_path / "fresh"
    env = {"OPENBELL_HOME": str(target), "PATH": "/usr/bin"}
    for words in (["migrate"], ["halt", "--reason", "drill"]):
        subprocess.run([sys.executable, "-c", script, *words], env=env, check=True, capture_output=True)
    found = {path: path.stat().st_mode & 0o777 for path in (target, *target.rglob("*"))}
    assert Path(target / "HALT") in found
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}


def test_settings_show_no_secret(monkeypatch):
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", "canary-Zq7xW4mT")
    monkeypatch.setenv("OPENBELL_DATABASE_URL", "postgresql://u:canary-Zq7xW4mT@h/d")
    made = load_settings()
    assert "canary-Zq7xW4mT" not in f"{made!r} {made} {made.model_dump_json()} {Settings.model_json_schema()}"


def test_every_command_refuses_an_unknown_variable(home):
    for name in ("status", "history", "health", "watch"):
        assert name in COMMANDS
        result = home(name, OPENBELL_HOMES="x")
        assert (result.exit_code, "did you mean 'OPENBELL_HOME'" in result.stderr) == (1, True), name


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:hunter@22secret@127.0.0.1:1/x",
        "postgresql://postgres:hun@ter/22secret@127.0.0.1:1/x",
        "postgresql://postgres:p@ss:22secret@127.0.0.1/x",
        "postgresql://u:22secret@h:abc/x",
    ],
)
def test_a_password_with_an_at_sign_in_a_stores_url_is_refused_and_not_shown(home, url):
    for name in ("status", "health", "doctor", "migrate", "halt"):
        result = home(name, OPENBELL_DATABASE_URL=url)
        assert "@ is written %40" in result.output, name
        assert "22secret" not in result.output, name


def test_a_password_with_an_escaped_at_sign_is_a_password():
    assert parse_url("postgresql://u:p%40ss@[::1]:5432/x").password == "p@ss"


@pytest.mark.parametrize("name", ["HOME", "PLANS", "ALERTS", "DATA"])
def test_a_folder_of_a_user_that_there_is_not_is_refused_by_name(home, name):
    result = home("status", **{f"OPENBELL_{name}": "~nobodyx/a"})
    assert (result.exit_code, f"{name.lower()}: Value error, there is no user ~nobodyx" in result.stderr) == (1, True)
    assert result.stderr.count("\n") == 1


def test_a_folder_that_is_set_to_nothing_is_the_usual_one(monkeypatch):
    monkeypatch.delenv("OPENBELL_HOME")
    usual = Settings()
    for name in ("HOME", "PLANS", "ALERTS", "DATA"):
        monkeypatch.setenv(f"OPENBELL_{name}", "")
    assert Settings() == usual
    assert Settings().home == Path("~/.openbell")
