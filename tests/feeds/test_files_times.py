"""The files feed: which times it takes at their word, and which it refuses."""

import numpy as np
import pyarrow as pa
import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import DataError, InputError
from openbell.feeds.files import FilesFeed
from tests.feeds.files import bars, feed, in_utc, save, table
from tests.feeds.frames import AS_OF, DAY, FIVE, Rows, check, codes, daily, minutes


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_times_with_a_zone_are_taken_at_their_word(tmp_path, name, unit):
    save(tmp_path, table(minutes(), in_utc(minutes(), unit)), name)
    assert np.array_equal(bars(tmp_path, name, FIVE).bars.times, check(minutes(), timeframe="5m").bars.times)


def test_times_with_an_offset_in_text_are_taken_at_their_word(tmp_path):
    offset = [f"{at.astype('datetime64[s]')}-04:00" for at in minutes().times - np.timedelta64(4, "h")]
    save(tmp_path, table(minutes(), pa.array(offset)), "bars.parquet")
    assert np.array_equal(bars(tmp_path, "bars.parquet", FIVE).bars.times, check(minutes(), timeframe="5m").bars.times)


def test_times_without_a_zone_are_read_in_the_zone_given(tmp_path):
    local = minutes().times - np.timedelta64(4, "h")  # summer in New York
    save(tmp_path, table(minutes(), pa.array(local)))
    panel = bars(tmp_path, timeframe=FIVE, zone="America/New_York").bars
    assert np.array_equal(panel.times, check(minutes(), timeframe="5m").bars.times)


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_D15_times_without_a_zone_are_refused_with_the_column_named(tmp_path, name):
    save(tmp_path, table(minutes()), name)
    with pytest.raises(DataError, match=f"{name}: column 'timestamp' has times without a zone"):
        bars(tmp_path, name, FIVE)


def test_D15_daily_times_of_the_day_without_a_zone_are_refused_too(tmp_path):
    closing = daily().times.astype("datetime64[s]") + np.timedelta64(16, "h")
    save(tmp_path, table(daily(), pa.array(closing)))
    with pytest.raises(DataError, match="column 'timestamp' has times without a zone"):
        bars(tmp_path)
    assert np.array_equal(bars(tmp_path, zone="America/New_York").bars.times, check(daily()).bars.times)


def test_D15_local_times_that_a_clock_change_makes_doubtful_are_refused(tmp_path):
    rows = minutes(3)
    rows.times[0] = np.datetime64("2023-11-05T01:30", "ns")
    save(tmp_path, table(rows))
    with pytest.raises(DataError, match=r"2023-11-05T01:30.*America/New_York has twice or never"):
        bars(tmp_path, timeframe=FIVE, zone="America/New_York")


def test_D16_exchange_time_called_utc_is_found_out(tmp_path):
    rows = minutes(200)
    save(tmp_path, table(rows, pa.array(rows.times - np.timedelta64(4, "h"))))
    checked = bars(tmp_path, timeframe=FIVE, zone="UTC")
    assert set(codes(checked).values()) == {"DATA_TIMEZONE"}


@pytest.mark.parametrize("zone", ["EST", "US/Easten", "+05:00", "america/new_york", "../UTC"])
def test_a_zone_that_is_not_iana_is_refused(tmp_path, zone):
    with pytest.raises(InputError, match="is not an IANA zone"):
        feed(tmp_path, zone=zone)


def test_stamps_at_the_close_are_the_same_bars(tmp_path):
    rows = minutes()
    save(tmp_path, table(rows, pa.array(rows.times + np.timedelta64(5, "m"), pa.timestamp("ns", "UTC"))))
    closed = bars(tmp_path, timeframe=FIVE, stamp="close").bars
    assert np.array_equal(closed.times, check(minutes(), timeframe="5m").bars.times)


@pytest.mark.parametrize(
    ("stamp", "hours"),
    [("open", 13.5), ("open", 4), ("close", 20), ("close", 28), ("session", 4), ("session", 0)],
)
def test_daily_stamps_with_a_zone_fall_on_their_session(tmp_path, stamp, hours):
    moment = daily().times.astype("datetime64[s]") + np.timedelta64(int(hours * 3600), "s")
    save(tmp_path, table(daily(), pa.array(moment, pa.timestamp("s", "UTC"))), "bars.parquet")
    panel = bars(tmp_path, "bars.parquet", stamp=stamp).bars
    assert np.array_equal(panel.times, check(daily()).bars.times)


@pytest.mark.parametrize(("stamp", "edge"), [("open", 0), ("close", 1)])
@pytest.mark.parametrize("code", ["CMES", "XASX", "XTKS", "24/7"])
def test_daily_stamps_are_of_their_session_where_it_begins_the_evening_before(tmp_path, code, stamp, edge):
    market = exchange(code)
    first, last = market.offset(market.last_complete(AS_OF), -59), market.last_complete(AS_OF)
    rows = Rows(market.session_dates(first, last), ("AAA",))
    expected = check(rows, symbols=("AAA",), exchange=market).bars
    moment = market.session_bounds(first, last)[edge].astype("datetime64[ns]")
    save(tmp_path, table(rows, pa.array(moment, pa.timestamp("ns", "UTC"))), "bars.parquet")
    panel = FilesFeed(tmp_path, "bars.parquet", DAY, code, stamp=stamp).bars(("AAA",), DAY, 20, AS_OF).bars
    assert np.array_equal(panel.times, expected.times)
    assert np.array_equal(panel.close, expected.close)


def test_daily_dates_may_be_text_or_midnights(tmp_path):
    expected = check(daily()).bars.times
    for at, column in enumerate([daily().times.astype(str).tolist(), daily().times.astype("datetime64[ns]")]):
        save(tmp_path, table(daily(), pa.array(column)), f"{at}.parquet")
        assert np.array_equal(bars(tmp_path, f"{at}.parquet").bars.times, expected)


@pytest.mark.parametrize("column", [["yesterday"], ["01/02/2024"], ["2024-07-05", "2024-07-05T10:00:00Z"]])
def test_texts_that_are_no_times_are_refused_by_column(tmp_path, column):
    rows = daily(len(column), ("AAA",))
    save(tmp_path, table(rows, pa.array(column)), "bars.parquet")
    with pytest.raises(DataError, match="column 'timestamp' holds texts such as"):
        bars(tmp_path, "bars.parquet")


def test_numbers_as_times_and_dates_for_intraday_bars_are_refused(tmp_path):
    save(tmp_path, table(daily(), pa.array(np.arange(90))), "numbers.csv")
    with pytest.raises(DataError, match="column 'timestamp' holds int64, not dates or times"):
        bars(tmp_path, "numbers.csv")
    save(tmp_path, table(daily()), "dates.csv")
    with pytest.raises(DataError, match="column 'timestamp' holds dates only, bars of 5m need times"):
        bars(tmp_path, "dates.csv", FIVE)


def test_a_stamp_of_sessions_is_refused_for_intraday_bars(tmp_path):
    with pytest.raises(InputError, match="stamp 'session' is for bars of 1d, not 5m"):
        feed(tmp_path, timeframe=FIVE, stamp="session")
