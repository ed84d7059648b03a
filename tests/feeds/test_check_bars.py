"""Validation of bars: the data faults of one symbol, and what becomes of the others."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.errors import InputError
from openbell.values.bars import FIELDS
from tests.feeds.frames import SYMBOLS, Rows, check, codes, daily, intraday, minutes, sessions, wanted


def _together(*parts):
    whole = parts[0]
    whole.symbols = np.concatenate([part.symbols for part in parts])
    whole.times = np.concatenate([part.times for part in parts])
    whole.columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in FIELDS}
    return whole


def test_values_stand_at_their_symbol_and_time():
    rows = daily(30)
    bars = check(rows, count=30).bars
    for name in FIELDS:
        assert np.array_equal(bars.panel(name).T.ravel(), rows.columns[name])


def test_symbols_come_in_the_order_asked_for():
    assert check(daily(), symbols=("CCC", "AAA")).bars.symbols == ("CCC", "AAA")


def test_intraday_bars_are_stamped_with_their_completion():
    bars = check(minutes(), timeframe="5m", count=40).bars
    assert str(bars.times[-1]) == "2024-07-08T16:00:00.000000000"
    assert str(bars.times[-31]) == "2024-07-05T20:00:00.000000000"


def test_a_bar_cut_short_by_the_close_is_complete_at_the_close():
    friday = np.array(["2024-07-05T13:30", "2024-07-05T17:30"], "datetime64[ns]")
    bars = check(Rows(friday), timeframe="4h").bars
    assert bars.times.astype("datetime64[m]").astype(str).tolist() == ["2024-07-05T17:30", "2024-07-05T20:00"]


def test_D01_a_symbol_missing_from_the_batch_drops_out_alone():
    checked = check(daily(), symbols=("AAA", "ZZZ", "BBB"))
    assert codes(checked) == {"ZZZ": "DATA_MISSING"}
    assert checked.bars.symbols == ("AAA", "BBB")


def test_D04_an_equal_row_given_twice_is_dropped_and_noted():
    checked = check(daily().again("BBB", -2))
    assert checked.dropped == ()
    assert checked.bars.digest() == check(daily()).bars.digest()
    assert any("given twice" in note and "BBB 1" in note for note in checked.notes)


@pytest.mark.parametrize("name", FIELDS)
def test_D04_two_different_rows_of_one_time_are_a_conflict(name):
    rows = daily().again("BBB", -2)
    rows.columns[name][-1] *= 1.0001
    checked = check(rows)
    assert codes(checked) == {"BBB": "DATA_CONFLICT"}
    assert "2024-07-03" in checked.dropped[0].detail


def test_D04_a_conflict_before_the_look_back_does_not_matter():
    rows = daily().again("BBB", 0)
    rows.columns["close"][-1] *= 1.0001
    assert check(rows).dropped == ()


def test_D04_bars_that_overlap_are_a_conflict():
    rows = minutes(50, 5)
    checked = check(rows, timeframe="15m")
    assert set(codes(checked).values()) == {"DATA_CONFLICT"}
    assert len(checked.dropped) == 3


def test_D04_a_last_bar_stamped_back_from_the_close_does_not_overlap():
    friday = np.array(["2024-07-05T13:30", "2024-07-05T16:00"], "datetime64[ns]")  # 4h bars: the last one is cut short
    assert len(check(Rows(friday), timeframe="4h").bars) == 2


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_D05_any_order_of_rows_gives_the_same_panel(random):
    order = list(range(90))
    random.shuffle(order)
    checked = check(daily().take(np.array(order)))
    assert checked.bars.digest() == check(daily()).bars.digest()


def test_D05_sorting_is_noted_only_when_rows_of_a_symbol_were_out_of_order():
    backwards = check(daily().take(np.arange(89, -1, -1)))
    by_time = check(daily().take(np.arange(90).reshape(3, 30).T.ravel()))
    assert any("sorted" in note for note in backwards.notes)
    assert by_time.notes == ()


def test_D06_bars_before_and_after_the_session_are_left_out_and_noted():
    rows = minutes()
    sound = check(rows, timeframe="5m").bars.digest()
    extra = Rows(np.array(["2024-07-05T12:00", "2024-07-05T20:00", "2024-07-08T13:25"], "datetime64[ns]"), ("BBB",))
    checked = check(_together(rows, extra), timeframe="5m")
    assert checked.bars.digest() == sound
    assert checked.notes[-1] == "bars outside the sessions, left out: BBB 3"


def test_D06_a_bar_that_reaches_into_the_session_is_kept():
    rows = Rows(intraday(14, 60) - np.timedelta64(30, "m"))  # 13:00 to 14:00 UTC holds the open at 13:30
    bars = check(rows, timeframe="1h", count=14).bars
    assert len(bars) == 14


def test_D06_daily_bars_of_closed_days_are_left_out_and_noted():
    holiday = Rows(np.array(["2024-07-04", "2024-07-06"], "datetime64[D]"), ("AAA",))
    checked = check(_together(daily(), holiday))
    assert checked.bars.digest() == check(daily()).bars.digest()
    assert checked.notes[-1] == "bars outside the sessions, left out: AAA 2"


def test_bars_before_the_first_session_of_the_calendar_are_no_fault():
    old = Rows(np.arange(200) + np.datetime64("1971-01-01", "D"), ("AAA",))
    checked = check(_together(old, daily()))
    assert checked.dropped == ()
    assert checked.notes == ()


def test_D06_bars_of_the_lunch_break_are_left_out():
    times = np.datetime64("2024-07-05T01:00", "ns") + np.arange(31) * np.timedelta64(5, "m")  # 10:00 to 12:35
    as_of = datetime(2024, 7, 5, 3, 36, tzinfo=UTC)
    checked = check(Rows(times), timeframe="5m", count=40, as_of=as_of, exchange=exchange("XTKS"))
    assert len(checked.bars) == 19
    assert checked.notes == ("bars outside the sessions, left out: AAA 12, BBB 12, CCC 12",)


def test_I11_a_bad_symbol_changes_nothing_for_the_others():
    rows = minutes()
    odd = Rows(intraday(100, 5) + np.timedelta64(7, "s"), ("BAD",))
    odd.columns["close"][-3] = -1
    alone = check(rows, timeframe="5m", count=50)
    beside = check(_together(rows, odd), timeframe="5m", count=50, symbols=(*SYMBOLS, "BAD"))
    assert codes(beside) == {"BAD": "DATA_INVALID"}
    assert beside.bars.digest() == alone.bars.digest()


def test_as_of_without_a_zone_and_a_count_of_zero_are_refused():
    with pytest.raises(InputError, match=r"as_of .* has no zone"):
        wanted(as_of=datetime(2024, 7, 8, 16))
    with pytest.raises(InputError, match="count 0"):
        wanted(count=0)


def test_sessions_of_the_frames_are_those_of_the_calendar():
    assert str(sessions(3)[0]) == "2024-07-02"
