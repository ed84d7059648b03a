"""Validation of bars: what is no number, absurd, too much, or not there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.errors import DataError, OpenbellError
from openbell.stages import raw_bars as layout
from openbell.stages.check_bars import check_bars
from openbell.stages.raw_bars import RawBars
from openbell.values.bars import FIELDS
from tests.feeds.frames import SYMBOLS, check, codes, daily, minutes, wanted

ODD = st.sampled_from([0.0, -1.0, np.nan, np.inf, -np.inf, 1e308, 5e-324, 1e-9, 100.0])


BREAKS = st.tuples(st.sampled_from(FIELDS), st.integers(0, 89), ODD)


SHIFTS = st.tuples(st.integers(0, 89), st.integers(-40_000, 40_000))


def _check_raw(raw, timeframe, symbols=SYMBOLS):
    return check_bars(raw, wanted(symbols, timeframe))


def test_sound_bars_pass_whole_and_end_at_the_last_complete_session():
    checked = check(daily())
    assert checked.dropped == ()
    assert checked.notes == ()
    assert checked.bars.symbols == SYMBOLS
    assert checked.bars.close.shape == (20, 3)
    assert str(checked.bars.times[-1]) == "2024-07-05T20:00:00.000000000"
    assert str(checked.bars.times[-2]) == "2024-07-03T17:00:00.000000000"  # a half day ends at 13:00


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("k", [-1, -20])
def test_D02_a_number_that_is_not_finite_inside_the_look_back_drops_the_symbol(name, value, k):
    checked = check(daily().set("BBB", k, **{name: value}))
    assert codes(checked) == {"BBB": "DATA_INVALID"}
    assert checked.bars.symbols == ("AAA", "CCC")


def test_D02_a_bad_number_before_the_look_back_does_not_matter():
    assert check(daily().set("BBB", -21, close=np.nan)).dropped == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"close": 0.0},
        {"open": -5.0},
        {"low": 0.0},
        {"high": 1.0},
        {"low": 1e5},
        {"close": 1e5},
        {"open": 1e5},
        {"close": 1.0},
        {"volume": -1.0},
        {"open": -1.0, "high": -1.0, "low": -1.0, "close": -1.0},
    ],
)
def test_D03_impossible_prices_drop_the_symbol(changes):
    checked = check(daily().set("BBB", -2, **changes))
    assert codes(checked) == {"BBB": "DATA_INVALID"}
    assert "2024-07-03" in checked.dropped[0].detail


def test_D03_a_close_off_by_the_noise_of_single_precision_passes():
    rows = daily()
    high = rows.columns["high"][rows.row("BBB", -2)]
    assert check(rows.set("BBB", -2, close=high * (1 + 5e-7))).dropped == ()
    assert codes(check(rows.set("BBB", -2, close=high * (1 + 5e-6)))) == {"BBB": "DATA_INVALID"}


def test_D03_a_high_below_the_low_is_no_noise():
    rows = daily()
    changes = {"open": 100.0, "close": 100.0, "high": 99.99995, "low": 100.00005}
    assert codes(check(rows.set("BBB", -2, **changes))) == {"BBB": "DATA_INVALID"}


@pytest.mark.parametrize("value", [1e308, 1e13, 1e-10, 5e-324])
def test_D20_absurd_prices_drop_the_symbol(value):
    changes = dict.fromkeys(("open", "high", "low", "close"), value)
    assert codes(check(daily().set("BBB", -1, **changes))) == {"BBB": "DATA_INVALID"}


def test_D20_an_absurd_volume_drops_the_symbol():
    assert codes(check(daily().set("BBB", -1, volume=1e300))) == {"BBB": "DATA_INVALID"}


@pytest.mark.parametrize("value", ["n/a", "", None, True, b"1", object()])
def test_D20_what_is_no_number_in_a_column_of_objects_drops_its_symbol_only(value):
    rows = daily()
    rows.columns["close"] = rows.columns["close"].astype(object)
    checked = check(rows.set("BBB", -1, close=value))
    assert codes(checked) == {"BBB": "DATA_INVALID"}


def test_D20_numbers_written_as_text_are_read():
    rows = daily()
    rows.columns["close"] = np.array([repr(float(price)) for price in rows.columns["close"]], object)
    assert check(rows).bars.digest() == check(daily()).bars.digest()


def test_D20_further_columns_are_ignored():
    rows = daily()
    rows.columns["vwap"] = np.full(90, "x", object)
    assert check(rows).bars.digest() == check(daily()).bars.digest()


def test_D20_more_rows_than_the_limit_are_refused():
    rows = layout.MAX_ROWS + 1
    many = np.broadcast_to(np.float64(1), (5, rows))
    with pytest.raises(DataError, match="10,000,001 rows"):
        RawBars(("AAA",), np.broadcast_to(np.intp(0), rows), np.broadcast_to(np.datetime64("2024-07-05"), rows), many)


def test_D20_a_panel_with_more_cells_than_the_limit_is_refused():
    names = tuple(f"S{k}" for k in range(layout.MAX_CELLS // 20 + 1))
    raw = daily(20, ("AAA",)).raw()
    with pytest.raises(DataError, match="more than the limit of 20,000,000 cells"):
        _check_raw(RawBars(names, raw.codes, raw.times, raw.values), "1d")


def test_a_row_without_a_time_drops_its_symbol():
    rows = daily()
    rows.times[rows.row("BBB", 3)] = np.datetime64("NaT", "ns")
    assert codes(check(rows)) == {"BBB": "DATA_INVALID"}


def test_up_to_three_sessions_are_carried_forward_and_noted():
    rows = daily().without("BBB", -3, -4, -5)
    checked = check(rows)
    bars = checked.bars
    assert checked.dropped == ()
    assert checked.notes == ("bars without a trade, carried forward: BBB 3",)
    assert (bars.close[-5:-2, 1] == bars.close[-6, 1]).all()
    assert (bars.high[-5:-2, 1] == bars.close[-6, 1]).all()
    assert (bars.volume[-5:-2, 1] == 0).all()
    assert (bars.volume[:, 0] > 0).all()


def test_a_hole_of_four_sessions_is_missing_data():
    assert codes(check(daily().without("BBB", -3, -4, -5, -6))) == {"BBB": "DATA_MISSING"}


def test_a_session_that_no_symbol_has_is_seen_by_the_calendar():
    rows = daily()
    rows.take(np.flatnonzero(rows.times != np.datetime64("2024-07-02")))
    checked = check(rows)
    assert len(checked.bars) == 20
    assert "AAA 1, BBB 1, CCC 1" in checked.notes[0]


def test_minutes_without_a_trade_are_carried_forward_whatever_their_number():
    rows = minutes().without("BBB", *range(-30, -1))
    checked = check(rows, timeframe="5m", count=60)
    assert checked.dropped == ()
    assert checked.bars.counts().tolist() == [60, 60, 60]
    assert checked.notes == ("bars without a trade, carried forward: BBB 29",)


def test_a_window_that_begins_in_a_pause_takes_the_close_before_it():
    rows = minutes().without("BBB", *range(-25, -15))
    before = rows.columns["close"][rows.row("BBB", -16)]
    bars = check(rows, timeframe="5m", count=20).bars
    assert (bars.close[:5, 1] == before).all()
    assert bars.counts().tolist() == [20, 20, 20]


def test_a_late_listing_is_absent_before_its_first_bar():
    bars = check(daily().without("BBB", *range(20))).bars
    assert bars.counts().tolist() == [20, 10, 20]
    assert np.isnan(bars.close[:10, 1]).all()


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(BREAKS, max_size=6),
    st.lists(SHIFTS, max_size=6),
    st.lists(st.integers(0, 89), min_size=0, max_size=120),
    st.booleans(),
    st.integers(1, 60),
)
def test_D20_fuzzed_frames_give_a_finite_panel_and_a_reason_for_each_symbol_left_out(
    is_daily, breaks, shifts, picked, history, count
):
    rows = daily(30) if is_daily else minutes(30)
    for name, at, value in breaks:
        rows.columns[name][at] = value
    for at, by in shifts:
        rows.times[at] += np.timedelta64(by, "D" if is_daily else "m")
    if picked:
        rows.take(np.array(picked))
    try:
        checked = check(rows, timeframe="1d" if is_daily else "5m", history=history, count=count)
    except OpenbellError as error:
        pytest.fail(f"one bad symbol must not end the whole answer: {error}")
    bars = checked.bars
    assert sorted([*bars.symbols, *codes(checked)]) == list(SYMBOLS)
    assert len(bars) <= count
    for at in range(len(bars.symbols)):
        present = np.isfinite(bars.close[:, at])
        assert present[-1]
        assert present[np.argmax(present) :].all()
