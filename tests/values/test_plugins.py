"""Plug-ins by file, by dotted path, and what is said when there is none."""

from pathlib import Path

import pytest
from pydantic import Field

from openbell import strategies
from openbell.errors import PlanError, SettingsError
from openbell.plugins import Plugin, build, discover, find
from openbell.settings import load_settings
from openbell.strategies.base import Strategy
from openbell.strategies.sma_crossover import SmaCrossover


class Threshold(Plugin):
    """One number."""

    level: float = Field(1.0, gt=0)


def test_a_file_in_the_package_is_found_under_its_name() -> None:
    found = discover(strategies, Strategy)
    assert found["sma_crossover"] is SmaCrossover
    assert "base" not in found


def test_an_unknown_name_points_to_the_nearest() -> None:
    with pytest.raises(PlanError, match="'sma_crosover' is not known; did you mean 'sma_crossover'"):
        find(strategies, Strategy, "sma_crosover", "strategy")


def test_a_dotted_path_names_any_class() -> None:
    path = "openbell.strategies.sma_crossover.SmaCrossover"
    assert find(strategies, Strategy, path, "strategy") is SmaCrossover


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module.Thing", "cannot be imported"),
        ("openbell.errors.PlanError", "is not a subclass"),
        ("openbell.strategies.sma_crossover.Nothing", "is not a subclass"),
    ],
)
def test_a_dotted_path_to_nothing_is_refused(path: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        find(strategies, Strategy, path, "strategy")


def test_F01_an_unknown_parameter_points_to_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"here: unknown key 'lvel'; did you mean 'level'"):
        build(Threshold, {"lvel": 2}, "here")


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "much"])
def test_a_parameter_out_of_bounds_is_named(value: object) -> None:
    with pytest.raises(PlanError, match="here: level: "):
        build(Threshold, {"level": value}, "here")


def test_a_plugin_prints_what_was_set() -> None:
    assert repr(Threshold()) == "Threshold()"
    assert repr(Threshold(level=2)) == "Threshold(level=2.0)"


def test_F02_an_unknown_variable_with_our_prefix_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBELL_DATABSE_URL", "sqlite://")
    with pytest.raises(SettingsError, match="OPENBELL_DATABSE_URL is not known; did you mean 'OPENBELL_DATABASE_URL'"):
        load_settings()


def test_the_store_is_a_file_in_home_unless_a_url_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    assert load_settings().url == f"sqlite:///{tmp_path}/openbell.db"
    monkeypatch.setenv("OPENBELL_DATABASE_URL", "postgresql://u:hunter2@h/d")
    assert load_settings().url == "postgresql://u:hunter2@h/d"
    assert "hunter2" not in repr(load_settings())
