"""When an intraday bar is complete: never while trading inside it goes on."""

from datetime import timedelta

import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.stages.raw_bars import RawBars, lay_out
from openbell.stages.sessions import intraday_grid
from openbell.values.bars import Timeframe

#: Exchange, length of the bar in minutes, start of the bar, when it is complete; all in UTC.
BARS = [
    pytest.param("24/7", 240, "2026-01-12T22:00", "2026-01-13T02:00", id="over midnight where nothing ever closes"),
    pytest.param("24/7", 240, "2026-01-12T20:00", "2026-01-13T00:00", id="up to midnight where nothing ever closes"),
    pytest.param("XHKG", 120, "2026-01-13T03:30", "2026-01-13T05:30", id="over a lunch break"),
    pytest.param("XHKG", 60, "2026-01-13T03:30", "2026-01-13T04:00", id="into a lunch break"),
    pytest.param("XHKG", 90, "2026-01-13T03:30", "2026-01-13T04:00", id="up to the end of a lunch break"),
    pytest.param("XHKG", 420, "2026-01-13T01:30", "2026-01-13T08:00", id="over a lunch break and the close"),
    pytest.param("CMES", 240, "2026-01-13T20:00", "2026-01-14T00:00", id="into the session that adjoins"),
    pytest.param("CMES", 120, "2026-01-13T21:00", "2026-01-13T23:00", id="up to the session that adjoins"),
    pytest.param("CMES", 240, "2026-01-16T20:00", "2026-01-16T23:00", id="into a weekend"),
    pytest.param("CMES", 1440, "2026-01-13T23:30", "2026-01-14T23:30", id="a day from inside the evening"),
    pytest.param("XNYS", 60, "2026-01-13T20:30", "2026-01-13T21:00", id="into the night"),
]


@pytest.mark.parametrize(("code", "minutes", "start", "complete"), BARS)
def test_a_bar_is_complete_when_the_last_trading_inside_it_has_ended(code, minutes, start, complete):
    grid = intraday_grid(np.array([start], "datetime64[ns]"), timedelta(minutes=minutes), exchange(code))
    assert grid.times.tolist() == np.array([complete], "datetime64[ns]").tolist()


def test_bars_that_begin_anew_with_the_afternoon_are_not_two_grids_mixed():
    day = np.datetime64("2026-01-13", "ns")
    times = day + np.array([90, 210, 300, 420], "timedelta64[m]")  # 9:30, 11:30, 13:00 and 15:00 in Hong Kong
    raw = RawBars(("AAA",), np.zeros(4, np.intp), times, np.full((5, 4), 100.0))
    block = lay_out(raw, Timeframe("2h"), exchange("XHKG"))
    assert block.conflicts.size == 0
    assert (np.diff(block.times) > np.timedelta64(0, "ns")).all()
