"""A long stretch of bars is judged at each row as a run at that row would have judged it."""

from datetime import UTC

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.errors import DataError
from openbell.stages.check_bars import Wanted, check_block
from openbell.stages.check_history import check_history
from openbell.stages.sessions import instant_of
from openbell.values.bars import FIELDS, Timeframe
from openbell.values.market import DropCode
from tests.replay.made import FIRST, VENUE, Made, walk

DAILY = Timeframe("1d")
ROWS, COUNT = 40, 12


@st.composite
def spoiled(draw: st.DrawFn) -> Made:
    """A market with late listings, ends, holes of any length, jumps and bars that are none."""
    values = walk(ROWS, 4, draw(st.integers(0, 999)))
    for column in range(1, 4):
        start, stop = sorted(draw(st.lists(st.integers(0, ROWS), min_size=2, max_size=2)))
        how = draw(st.sampled_from(["late", "ends", "hole", "jump", "wrong", "whole"]))
        match how:
            case "late":
                values[:, :start, column] = np.nan
            case "ends":
                values[:, max(1, stop) :, column] = np.nan
            case "hole":
                values[:, start:stop, column] = np.nan
            case "jump":
                values[:4, start:, column] *= draw(st.sampled_from([0.5, 1.7]))
            case "wrong" if start < ROWS:
                values[FIELDS.index("high"), start, column] = 0.001
    return Made(values)


@settings(max_examples=40, deadline=None)
@given(spoiled())
def test_I18_each_row_keeps_the_symbols_that_a_run_at_that_row_would_keep(feed):
    end = instant_of(feed.block().times[-1])
    history = check_history(feed.block(), feed.wanted(feed.symbols, DAILY, COUNT, end))
    column = {symbol: at for at, symbol in enumerate(history.bars.symbols)}
    for row, time in enumerate(history.bars.times):
        asked = feed.wanted(feed.symbols, DAILY, COUNT, instant_of(time))
        checked = check_block(feed.block(), asked)
        kept = history.fit[row] & (history.newest[row] == row)
        assert {symbol for symbol, at in column.items() if kept[at]} == set(checked.bars.symbols)
        for symbol in checked.bars.symbols:
            seen = checked.bars.select([symbol])
            part = history.bars.select([symbol]).rows(max(0, row + 1 - len(seen)), row + 1)
            for name in FIELDS:
                np.testing.assert_array_equal(part.panel(name), seen.panel(name))


def test_a_hole_of_three_sessions_is_carried_and_a_longer_one_spoils_the_window_behind_it():
    values = walk(30, 2, 1)
    values[:, 10:13, 0] = values[:, 10:14, 1] = np.nan
    feed = Made(values)
    end = instant_of(feed.block().times[-1])
    history = check_history(feed.block(), feed.wanted(feed.symbols, DAILY, 5, end))
    np.testing.assert_array_equal(history.bars.close[10:13, 0], np.full(3, history.bars.close[9, 0]))
    assert history.bars.volume[10:13].sum() == 0
    assert history.fit[13:, 0].all()
    assert not history.fit[14:18, 1].any()
    assert history.fit[18:, 1].all()
    assert history.notes == ("bars without a trade, carried forward: S0 3, S1 4",)


def test_a_jump_is_told_by_its_row_and_in_the_words_of_a_live_run():
    values = walk(30, 1, 2, sigma=0.001)
    values[:4, 20:] /= 2
    feed = Made(values)
    history = check_history(feed.block(), feed.wanted(feed.symbols, DAILY, 5, instant_of(feed.block().times[-1])))
    ((row, doubted),) = history.doubted
    asked = feed.wanted(feed.symbols, DAILY, 5, instant_of(feed.block().times[20]))
    (dropped,) = check_block(feed.block(), asked).dropped
    assert (row, doubted) == (20, dropped)
    assert doubted.code is DropCode.SUSPECT
    assert "like a split of 2 to 1" in doubted.detail
    assert history.rows(15, 25).doubted == ((5, dropped),)
    assert not history.rows(21, 30).doubted


def test_symbols_that_are_not_there_are_dropped_by_name_and_none_at_all_is_an_error():
    feed = Made(walk(10, 1, 3))
    end = instant_of(feed.block().times[-1])
    history = check_history(feed.block(), feed.wanted(("S0", "ELSE"), DAILY, 5, end))
    assert [(one.symbol, one.code) for one in history.dropped] == [("ELSE", DropCode.MISSING)]
    with pytest.raises(DataError, match="no symbol of 1 has usable bars; first: ELSE not in the answer of made"):
        check_history(feed.block(), feed.wanted(("ELSE",), DAILY, 5, end))
    early = Wanted(("S0",), DAILY, 5, VENUE.hours(FIRST).opens.astimezone(UTC), VENUE, "made", history=True)
    with pytest.raises(DataError, match="no bar is complete"):
        check_history(feed.block(), early)
