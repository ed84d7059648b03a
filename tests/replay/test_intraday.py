"""Bars shorter than a session: the same decisions as live, half days, missing bars, nothing over night."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from openbell.ports import MarketFeed
from openbell.specs import FeedSpec, Surroundings
from openbell.values.plan import Plan
from tests.replay import lived
from tests.replay.made import Minutes, cash_by_fills, minutes, plan_for, rows_of, run

#: A holiday on the 27th, a half day on the 28th.
FIRST, LAST = date(2025, 11, 25), date(2025, 12, 1)


def plan_on(feed: Minutes, **changes) -> Plan:
    values = {
        "timeframe": "15m",
        "window": {"open_offset": "20m", "close_offset": "-10m", "grace": "5m"},
        "schedule": {
            "trade": {"every": "20m"},
            "exits": {"every": "10m"},
            "orders": {"enabled": False},
        },
        "exits": {"stop_loss": 0.004, "take_profit": 0.008, "end_of_session": "10m"},
    }
    return plan_for(feed, **(values | changes))


@pytest.fixture
def feed():
    return minutes(date(2025, 11, 24), 5, 15, 3, 5)


def test_I18_intraday_slots_decide_what_the_live_plan_decided(feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    monkeypatch.delenv("OPENBELL_DATABASE_URL", raising=False)

    class Spec(FeedSpec):
        def open(self, around: Surroundings) -> MarketFeed:
            return feed

    plan = plan_on(feed)
    real, found = lived.live(plan, FIRST, LAST, Spec()), run(feed, plan, FIRST, LAST, keep=True)
    assert lived.decisions(found) == real.decided()
    assert lived.executions(found) == real.fills
    assert found.closing_cash == real.cash
    assert len(real.fills) > 20
    assert found.fills.exits.any()


def test_A21_nothing_is_held_over_night_where_the_session_ends_all(feed):
    found = run(feed, plan_on(feed), FIRST, LAST)
    assert (found.curve.holdings == 0).all()
    half = found.fills.times[found.fills.times.astype("datetime64[D]") == np.datetime64("2025-11-28")]
    assert half.max() == np.datetime64("2025-11-28T17:50")
    assert not (found.fills.times.astype("datetime64[D]") == np.datetime64("2025-11-27")).any()
    assert found.closing_cash == cash_by_fills(found)


def test_I18_an_intraday_tape_that_ends_earlier_gives_the_same_fills_until_then(feed):
    whole, short = (run(feed, plan_on(feed, exits={}), FIRST, end) for end in (LAST, date(2025, 11, 26)))
    assert rows_of(short) == rows_of(whole)[: len(short.fills)]
    assert 0 < len(short.fills) < len(whole.fills)
    assert whole.fills.times[len(short.fills)] > short.curve.times[-1]
