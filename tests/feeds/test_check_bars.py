"""Validation of bars: the data faults of one symbol, and what becomes of the others."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, InputError, OpenbellError
from openbell.stages import raw_bars as layout
from openbell.stages.check_bars import ANY_AGE, check_bars
from openbell.stages.raw_bars import RawBars, raw_bars
from openbell.values.bars import FIELDS
from tests.feeds.frames import AS_OF, SYMBOLS, Rows, check, codes, daily, intraday, minutes, sessions, wanted


def test_sound_bars_pass_whole_and_end_at_the_last_complete_session():
    checked = check(daily())
    assert checked.dropped == ()
    assert checked.notes == ()
    assert checked.bars.symbols == SYMBOLS
    assert checked.bars.close.shape == (20, 3)
    assert str(checked.bars.times[-1]) == "2024-07-05T20:00:00.000000000"
    assert str(checked.bars.times[-2]) == "2024-07-03T17:00:00.000000000"  # a half day ends at 13:00


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


def test_D07_a_bar_that_starts_after_as_of_drops_the_symbol():
    rows = minutes()
    rows.times[rows.row("BBB", -1)] = np.datetime64("2024-07-08T16:01", "ns")
    assert codes(check(rows, timeframe="5m")) == {"BBB": "DATA_FUTURE"}


def test_D07_a_day_beyond_the_calendar_drops_the_symbol():
    rows = daily()
    rows.times[rows.row("BBB", -1)] = np.datetime64("2199-01-04", "D")
    assert codes(check(rows)) == {"BBB": "DATA_FUTURE"}


def test_D07_a_bar_that_is_still_forming_is_left_out_and_noted():
    rows = _together(minutes(), Rows(np.array(["2024-07-08T16:00"], "datetime64[ns]")))
    checked = check(rows, timeframe="5m", as_of=AS_OF + timedelta(seconds=30))
    assert checked.bars.digest() == check(minutes(), timeframe="5m").bars.digest()
    assert checked.notes == ("bars still forming, left out: AAA 1, BBB 1, CCC 1",)


def test_D07_the_daily_bar_of_the_session_in_progress_is_forming():
    checked = check(_together(daily(), Rows(np.array(["2024-07-08"], "datetime64[D]"))))
    assert str(checked.bars.times[-1]) == "2024-07-05T20:00:00.000000000"
    assert "still forming" in checked.notes[0]


def test_D07_a_source_that_holds_all_of_history_is_cut_at_as_of():
    as_of = AS_OF - timedelta(days=10)
    checked = check(daily(), as_of=as_of, history=True)
    assert checked.dropped == ()
    assert checked.notes == ()
    assert checked.bars.times[-1] <= np.datetime64(as_of.replace(tzinfo=None))


def test_D08_daily_data_without_the_last_complete_session_is_stale():
    checked = check(daily().without("BBB", -1))
    assert codes(checked) == {"BBB": "DATA_STALE"}
    assert "2024-07-03" in checked.dropped[0].detail


def test_bars_before_the_first_session_of_the_calendar_are_no_fault():
    old = Rows(np.arange(200) + np.datetime64("1971-01-01", "D"), ("AAA",))
    checked = check(_together(old, daily()))
    assert checked.dropped == ()
    assert checked.notes == ()


@pytest.mark.parametrize(("late", "dropped"), [(timedelta(minutes=6), 0), (timedelta(minutes=6, seconds=1), 3)])
def test_D08_an_intraday_bar_may_be_one_interval_and_a_minute_old(late, dropped):
    assert len(check(minutes(), timeframe="5m", as_of=AS_OF + late).dropped) == dropped


def test_D08_age_counts_only_while_the_exchange_is_open():
    friday = Rows(intraday(60, 5, datetime(2024, 7, 5, 20, tzinfo=UTC)))
    opening = datetime(2024, 7, 8, 13, 30, tzinfo=UTC)
    assert check(friday, timeframe="5m", as_of=opening + timedelta(minutes=6)).dropped == ()
    assert len(check(friday, timeframe="5m", as_of=opening + timedelta(minutes=7)).dropped) == 3


def test_D08_hours_before_the_open_make_nothing_younger():
    friday = Rows(intraday(60, 5, datetime(2024, 7, 5, 19, 50, tzinfo=UTC)))
    assert len(check(friday, timeframe="5m", as_of=datetime(2024, 7, 8, 13, tzinfo=UTC)).dropped) == 3


def test_D08_a_lunch_break_does_not_age_bars():
    tokyo = exchange("XTKS")
    morning = np.datetime64("2024-07-05T00:00", "ns") + np.arange(30) * np.timedelta64(5, "m")  # 09:00 to 11:30
    for minute, dropped in ((36, 0), (37, 3)):
        as_of = datetime(2024, 7, 5, 3, minute, tzinfo=UTC)  # the afternoon begins at 12:30
        assert len(check(Rows(morning), timeframe="5m", as_of=as_of, exchange=tokyo).dropped) == dropped


def test_D06_bars_of_the_lunch_break_are_left_out():
    times = np.datetime64("2024-07-05T01:00", "ns") + np.arange(31) * np.timedelta64(5, "m")  # 10:00 to 12:35
    as_of = datetime(2024, 7, 5, 3, 36, tzinfo=UTC)
    checked = check(Rows(times), timeframe="5m", count=40, as_of=as_of, exchange=exchange("XTKS"))
    assert len(checked.bars) == 19
    assert checked.notes == ("bars outside the sessions, left out: AAA 12, BBB 12, CCC 12",)


def test_D08_the_limit_can_be_set():
    rows = daily().without("BBB", -1)
    assert check(rows, max_age=timedelta(days=7)).dropped == ()
    assert len(check(rows, max_age=timedelta(days=1)).dropped) == 3


def test_D08_with_any_age_a_symbol_that_ended_stays_as_far_as_it_goes():
    bars = check(daily().without("BBB", *range(-10, 0)), max_age=ANY_AGE).bars
    assert bars.counts().tolist() == [20, 10, 20]


def test_D11_an_answer_without_rows_leaves_no_symbol():
    nothing = raw_bars([], np.empty(0, "datetime64[D]"), {name: [] for name in FIELDS})
    for timeframe in ("1d", "5m"):
        checked = _check_raw(nothing, timeframe)
        assert set(codes(checked).values()) == {"DATA_EMPTY"}
        assert len(checked.dropped) == 3
        assert checked.bars.symbols == ()


def test_D11_a_symbol_with_an_empty_frame_drops_out_alone():
    sound = daily().raw()
    raw = RawBars((*sound.symbols, "DDD"), sound.codes, sound.times, sound.values)
    checked = _check_raw(raw, "1d", symbols=(*SYMBOLS, "DDD"))
    assert codes(checked) == {"DDD": "DATA_EMPTY"}


@pytest.mark.parametrize("hours", [-5, -4, -1, 1, 4, 5, 12])
def test_D16_times_of_a_wrong_zone_drop_the_symbol(hours):
    rows = minutes(200)
    rows.times[rows.symbols == "BBB"] += np.timedelta64(hours, "h")
    as_of = AS_OF + timedelta(hours=max(hours, 0))
    checked = check(rows, timeframe="5m", as_of=as_of, history=True, max_age=timedelta(days=9))
    assert codes(checked) == {"BBB": "DATA_TIMEZONE"}


def test_D16_bars_of_the_night_alone_are_of_a_wrong_zone():
    rows = minutes(60)
    rows.times[rows.symbols == "BBB"] = np.datetime64("2024-07-05T02:00", "ns") + np.arange(60) * np.timedelta64(
        300, "s"
    )
    assert codes(check(rows, timeframe="5m")) == {"BBB": "DATA_TIMEZONE"}


def test_D16_dates_off_by_one_day_drop_the_symbol():
    as_of = datetime(2024, 8, 30, 12, tzinfo=UTC)  # seven weeks without a holiday
    rows = Rows(sessions(35, as_of))
    rows.times[rows.symbols == "BBB"] -= np.timedelta64(1, "D")
    assert codes(check(rows, as_of=as_of)) == {"BBB": "DATA_TIMEZONE"}


def test_D16_a_few_rows_on_closed_days_are_placeholders():
    closed = np.array(["2024-05-27", "2024-06-19", "2024-07-04", "2024-07-06"], "datetime64[D]")
    assert check(_together(daily(), Rows(closed, ("BBB",)))).dropped == ()


def test_D16_ordinary_trading_before_and_after_hours_is_no_wrong_zone():
    early = intraday(200, 5) - np.timedelta64(4, "h")
    rows = Rows(np.unique(np.concatenate((intraday(200, 5), early))))
    checked = check(rows, timeframe="5m")
    assert checked.dropped == ()
    assert checked.bars.digest() != ""


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


def test_five_hundred_symbols_are_checked_in_the_time_of_a_few_array_passes():
    rows = daily(200, tuple(f"S{at}" for at in range(500)))
    raw, asked = rows.raw(), wanted(tuple(f"S{at}" for at in range(500)), count=200)
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        check_bars(raw, asked)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.03  # about 0.003 where nothing else runs; a loop over symbols takes 0.2


ODD = st.sampled_from([0.0, -1.0, np.nan, np.inf, -np.inf, 1e308, 5e-324, 1e-9, 100.0])
BREAKS = st.tuples(st.sampled_from(FIELDS), st.integers(0, 89), ODD)
SHIFTS = st.tuples(st.integers(0, 89), st.integers(-40_000, 40_000))


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


def _together(*parts):
    whole = parts[0]
    whole.symbols = np.concatenate([part.symbols for part in parts])
    whole.times = np.concatenate([part.times for part in parts])
    whole.columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in FIELDS}
    return whole


def _check_raw(raw, timeframe, symbols=SYMBOLS):
    return check_bars(raw, wanted(symbols, timeframe))


def test_sessions_of_the_frames_are_those_of_the_calendar():
    assert str(sessions(3)[0]) == "2024-07-02"
