"""Validation of bars: age, wrong zones, bars of the future."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openbell.calendar.exchange import exchange
from openbell.stages.check_bars import ANY_AGE, check_bars
from openbell.stages.raw_bars import RawBars, raw_bars
from openbell.values.bars import FIELDS
from tests.feeds.frames import AS_OF, SYMBOLS, Rows, check, codes, daily, intraday, minutes, sessions, wanted


def _together(*parts):
    whole = parts[0]
    whole.symbols = np.concatenate([part.symbols for part in parts])
    whole.times = np.concatenate([part.times for part in parts])
    whole.columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in FIELDS}
    return whole


def _check_raw(raw, timeframe, symbols=SYMBOLS):
    return check_bars(raw, wanted(symbols, timeframe))


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
