"""A plan is refused for what is wrong with it, by name."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from openbell.values.job import JOBS
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE

GOOD: dict[str, Any] = {"name": "demo", "universe": ["AAPL", "MSFT"], "strategies": [{"use": "sma_crossover"}]}


def plan(**changes: Any) -> Plan:
    return Plan.model_validate({**GOOD, **changes})


def test_the_smallest_plan_trades_on_paper_every_quarter_of_an_hour() -> None:
    made = plan()
    assert made.mode == "paper"
    assert made.rings("trade").every == timedelta(minutes=15)


def test_A03_each_job_has_its_usual_cadence_until_the_plan_says_otherwise() -> None:
    made = plan(schedule={"exits": {"every": "1m"}, "alerts": {"enabled": False}})
    assert made.rings("exits").every == timedelta(minutes=1)
    assert (made.rings("alerts").every, made.rings("alerts").enabled) == (timedelta(minutes=5), False)
    assert made.rings("snapshot").at == ("close+5m",)
    assert set(CADENCE) == set(JOBS)


@pytest.mark.parametrize("key", ["bars", "quotes"])
@pytest.mark.parametrize(
    ("age", "words"), [("0s", "0d is not above 0"), ("-10s", "-10s is not above 0"), ("367d", "367d is above 366d")]
)
def test_an_age_limit_that_no_data_can_keep_or_any_would_is_refused(key: str, age: str, words: str) -> None:
    with pytest.raises(ValidationError, match=f"{key} {words}"):
        plan(freshness={key: age})
    assert plan(freshness={key: "366d"}).freshness != plan().freshness


@pytest.mark.parametrize(
    ("name", "words"),
    [("a\0b", "cannot be printed"), ("a\nb", "cannot be printed"), ("\u202eab", "cannot be"), ("x" * 65, "at most 64")],
)
def test_a_strategy_name_that_the_books_cannot_keep_is_refused(name: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        plan(strategies=[{"use": "sma_crossover", "name": name}])
    assert plan(strategies=[{"use": "sma_crossover", "name": "Träge 2"}]).strategies[0].label == "Träge 2"


def test_a_plan_reads_back_what_it_writes() -> None:
    window = {"open_offset": "5m", "close_offset": "-90s", "grace": "1h", "closures": ["2026-12-31"], "start": "10:00"}
    made = plan(window=window, schedule={"trade": {"every": "1d"}})
    assert Plan.model_validate(made.model_dump(mode="json")) == made
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_the_hash_follows_the_content() -> None:
    assert plan().hash == plan().hash
    assert plan().hash != plan(universe=["AAPL"]).hash


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Demo Plan"}, "a-z, 0-9"),
        ({"nmae": "x"}, "Extra inputs"),
        ({"universe": []}, "at least 1"),
        ({"universe": ["aapl"]}, "did you mean AAPL"),
        ({"universe": ["AAPL", "AAPL"]}, "stand twice: AAPL"),
        ({"universe": ["../etc/passwd"]}, "is not 1 to 12"),
        ({"universe": ["A'; DROP TABLE runs;--"]}, "is not 1 to 12"),
        ({"universe": ["\uff21\uff21\uff30\uff2c"]}, "is not 1 to 12"),
        ({"strategies": []}, "at least 1"),
        ({"strategies": [{"use": "a"}, {"use": "a"}]}, "stands twice"),
        ({"strategies": [{"use": "a", "universe": ["TSLA"]}]}, "TSLA of strategy 'a' is not in the plan's universe"),
        ({"window": {"zone": "EST"}}, "'EST' is not an IANA zone"),
        ({"window": {"zone": "US/Easten"}}, "'US/Easten' is not an IANA zone"),
        ({"window": {"zone": "UTC+5"}}, "'UTC\\+5' is not an IANA zone"),
        ({"window": {"start": "16:00", "end": "09:30"}}, "is not before end"),
        ({"window": {"weekdays": []}}, "never opens"),
        ({"window": {"grace": "-1m"}}, "below 0"),
        ({"schedule": {"trade": {}}}, "exactly one of"),
        ({"schedule": {"trade": {"every": "15m", "cron": "* * * * *"}}}, "exactly one of"),
        ({"schedule": {"trade": {"every": "1s"}}}, "not between 30s and 24h"),
        ({"schedule": {"trade": {"every": "2d"}}}, "not between 30s and 24h"),
        ({"sizing": {"min_trade": 100, "max_trade": 50}}, "min_trade 100 is above max_trade 50"),
        ({"sizing": {"max_trade": "inf"}}, "finite"),
        ({"timeframe": "2d"}, "not between"),
        ({"timeframe": "quick"}, "not a duration"),
        ({"mode": "real"}, "'paper' or 'live'"),
    ],
)
def test_a_wrong_plan_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(**changes)


def test_F07_ten_thousand_symbols_are_fine_and_more_are_not() -> None:
    symbols = [f"S{number}" for number in range(10_001)]
    assert len(plan(universe=symbols[:-1]).universe) == 10_000
    with pytest.raises(ValidationError, match="at most 10000"):
        plan(universe=symbols)
