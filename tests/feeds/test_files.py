"""The files feed: what CSV and Parquet files may look like, and what is said about those that cannot be used."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from openbell.errors import DataError, InputError, OpenbellError, PlanError
from openbell.feeds.files import Files, FilesFeed
from openbell.plugins import build
from openbell.specs import Surroundings
from openbell.values.bars import FIELDS, Timeframe
from tests.feeds.files import bars, feed, save, table, text
from tests.feeds.frames import AS_OF, DAY, FIVE, SYMBOLS, XNYS, check, codes, daily


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_a_file_gives_what_is_in_it(tmp_path, name):
    checked = bars(tmp_path, save(tmp_path, table(daily()), name))
    panel, expected = checked.bars, check(daily()).bars
    assert checked.dropped == ()
    assert all(np.array_equal(panel.panel(field), expected.panel(field)) for field in FIELDS)
    assert np.array_equal(panel.times, expected.times)
    assert panel.provider == f"files {name}"


def test_columns_of_other_names_and_further_columns(tmp_path):
    content = table(daily(), timestamp="When", symbol="Ticker", open="o", volume="Vol").append_column(
        "close adj", pa.array(["x"] * 90)
    )
    save(tmp_path, content)
    columns = {"time": "When", "open": "o", "volume": "Vol"}
    assert bars(tmp_path, columns=columns).bars.symbols == SYMBOLS


def test_a_missing_column_is_named_with_those_there_are(tmp_path):
    save(tmp_path, table(daily()).drop_columns(["high"]))
    with pytest.raises(DataError, match=r"bars.csv has no column 'high' for high; there are timestamp, symbol, open"):
        bars(tmp_path)
    with pytest.raises(DataError, match="has no column 'hi' for high"):
        bars(tmp_path, columns={"high": "hi"})


def test_two_columns_that_could_be_the_time_are_refused(tmp_path):
    save(tmp_path, table(daily()).append_column("date", pa.array(daily().times)))
    with pytest.raises(DataError, match="columns timestamp, date could all be 'time'"):
        bars(tmp_path)
    assert bars(tmp_path, columns={"time": "date"}).bars.symbols == SYMBOLS


def test_an_unknown_name_in_columns_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match="unknown key 'opn'; did you mean 'open'"):
        feed(tmp_path, columns={"opn": "o"})


@pytest.mark.parametrize("content", ["", "timestamp,symbol,open,high,low,close,volume\n"])
def test_D11_a_file_without_rows_leaves_no_symbol(tmp_path, content):
    checked = bars(text(tmp_path, content))
    assert codes(checked) == dict.fromkeys(SYMBOLS, "DATA_EMPTY")


def test_D11_an_empty_file_of_one_symbol_drops_that_symbol_only(tmp_path):
    for symbol in SYMBOLS:
        save(tmp_path, table(daily(symbols=(symbol,))), f"{symbol}.csv")
    text(tmp_path, "", "BBB.csv")
    checked = bars(tmp_path, "{symbol}.csv", symbols=(*SYMBOLS, "DDD"))
    assert checked.bars.symbols == ("AAA", "CCC")
    assert codes(checked) == {"BBB": "DATA_EMPTY", "DDD": "DATA_MISSING"}


def test_I11_a_broken_file_of_one_symbol_drops_that_symbol_only(tmp_path):
    for symbol in SYMBOLS:
        save(tmp_path, table(daily(symbols=(symbol,))), f"{symbol}.csv")
    text(tmp_path, "timestamp,open\n2024-07-05,1\n", "BBB.csv")
    checked = bars(tmp_path, "{symbol}.csv")
    assert codes(checked) == {"BBB": "DATA_INVALID"}
    assert "BBB.csv has no column 'high'" in checked.dropped[0].detail


@pytest.mark.parametrize("content", [b"\x00\x01\xff\xfe", b"a,b\n1,2,3\n", b"PAR1" * 9, b"timestamp" * 99_999])
@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_what_is_no_table_is_refused_with_its_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        bars(tmp_path, name)


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
@pytest.mark.parametrize("word", ["n/a", "1,5", "--", "inf"])
def test_D20_a_word_in_a_column_of_numbers_drops_its_symbol_only(tmp_path, name, word):
    rows = daily()
    rows.columns["close"] = np.array([repr(float(price)) for price in rows.columns["close"]], object)
    save(tmp_path, table(rows.set("BBB", -1, close=word)), name)
    checked = bars(tmp_path, name)
    assert codes(checked) == {"BBB": "DATA_INVALID"}
    assert np.array_equal(checked.bars.close, check(daily(), symbols=("AAA", "CCC")).bars.close)


@pytest.mark.parametrize("symbols", [("0700", "0005"), ("NA", "NULL"), ("TRUE", "FALSE"), ("NAN", "INF")])
def test_symbols_that_look_like_numbers_or_words_of_a_language_stay_text(tmp_path, symbols):
    save(tmp_path, table(daily(symbols=symbols)))
    assert bars(tmp_path, symbols=symbols).bars.symbols == symbols


def test_rows_without_a_symbol_or_a_time_harm_nobody_else(tmp_path):
    lines = csv_lines(daily())
    lines[3] = ",".join(["", *lines[3].split(",")[1:]])  # AAA without a time
    lines[40] = ",".join([lines[40].split(",")[0], "", *lines[40].split(",")[2:]])  # BBB's row without a name
    checked = bars(text(tmp_path, "\n".join(lines)))
    assert codes(checked) == {"AAA": "DATA_INVALID"}
    assert checked.bars.symbols == ("BBB", "CCC")


def test_D20_of_a_very_large_file_only_the_symbols_asked_for_are_read(tmp_path):
    content = table(daily(), pa.array(daily().times, pa.date32()))
    million = pa.table({name: pa.repeat(content[name][0], 1_000_000) for name in content.column_names})
    million = million.set_column(1, "symbol", pa.repeat("BULK", 1_000_000))
    with parquet.ParquetWriter(tmp_path / "bars.parquet", content.schema) as file:
        file.write_table(content)
        for _ in range(11):
            file.write_table(million)
    assert np.array_equal(bars(tmp_path, "bars.parquet").bars.close, check(daily()).bars.close)
    with pytest.raises(DataError, match=r"bars.parquet has 11,000,000 rows"):
        bars(tmp_path, "bars.parquet", symbols=("BULK",))


def test_a_changed_file_is_read_again(tmp_path):
    save(tmp_path, table(daily()))
    before = bars(tmp_path).bars.close[-1, 0]
    save(tmp_path, table(daily().set("AAA", -1, close=before * 1.0001)))
    os.utime(tmp_path / "bars.csv", ns=(1, 1))
    assert bars(tmp_path).bars.close[-1, 0] == before * 1.0001


def test_history_of_a_file_is_cut_at_as_of(tmp_path):
    save(tmp_path, table(daily()))
    checked = feed(tmp_path).bars(SYMBOLS, DAY, 5, AS_OF - timedelta(days=7))
    assert str(checked.bars.times[-1]) == "2024-06-28T20:00:00.000000000"
    assert checked.notes == ()


def test_D08_a_file_that_ended_is_stale_unless_any_age_is_allowed(tmp_path):
    save(tmp_path, table(daily()))
    later = AS_OF + timedelta(days=30)
    assert set(codes(feed(tmp_path).bars(SYMBOLS, DAY, 5, later)).values()) == {"DATA_STALE"}
    assert feed(tmp_path, max_age=timedelta(days=60)).bars(SYMBOLS, DAY, 5, later).dropped == ()


def test_quotes_are_the_last_close_with_the_time_of_its_bar(tmp_path):
    save(tmp_path, table(daily().set("BBB", -1, close=-1.0)))
    quotes = feed(tmp_path).quotes(("AAA", "BBB", "ZZZ"), AS_OF)
    assert set(quotes) == {"AAA"}
    assert quotes["AAA"].last == Decimal(repr(float(daily().columns["close"][29])))
    assert (quotes["AAA"].bid, quotes["AAA"].ask) == (Decimal("96.41"), Decimal("96.44"))
    assert quotes["AAA"].time == datetime(2024, 7, 5, 20, tzinfo=UTC)


def test_another_timeframe_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(DataError, match=r"timeframe 5m is not in bars.csv, which has 1d"):
        feed(tmp_path).bars(SYMBOLS, FIVE, 5, AS_OF)


def test_settings_open_the_feed_inside_the_data_folder(tmp_path):
    settings = {"path": "{symbol}.csv", "timeframe": "1h", "zone": "UTC", "stamp": "close"}
    opened = build(Files, settings, "feed.params").open(Surroundings(tmp_path, XNYS, lambda: AS_OF, timedelta(days=2)))
    assert opened == FilesFeed(tmp_path, "{symbol}.csv", Timeframe("1h"), XNYS, "UTC", {}, "close", timedelta(days=2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "path: Field required"),
        ({"path": "/etc/passwd.csv"}, "is not a relative path inside the data folder"),
        ({"path": "a.xlsx"}, "does not end in .csv or .parquet"),
        ({"path": "a.csv", "zone": "EST"}, "'EST' is not an IANA zone"),
        ({"path": "a.csv", "timeframe": "2w"}, "timeframe '2w'"),
        ({"path": "a.csv", "stamp": "middle"}, "stamp"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_the_plan(settings, message):
    with pytest.raises(PlanError, match=message):
        build(Files, settings, "feed.params")


CELLS = st.sampled_from(
    ["", "1", "-1", "1e308", "nan", "x", '"', "2024-07-05", "2024-07-05T14:00:00Z", "AAA", "é", "\0"]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 7), CELLS), min_size=1, max_size=8), st.booleans())
def test_D20_fuzzed_files_give_a_finite_panel_or_an_error_of_ours(tmp_path, changes, with_zone):
    lines = [line.split(",") for line in csv_lines(daily())]
    for row, column, cell in changes:
        lines[row][column : column + 1] = [cell]
    text(tmp_path, "\n".join(",".join(line) for line in lines))
    os.utime(tmp_path / "bars.csv", ns=(hash(str(changes)) % 10**15,) * 2)
    checked = answer(tmp_path, "UTC" if with_zone else None)
    if isinstance(checked, OpenbellError):
        assert "bars.csv" in str(checked)
        return
    assert sorted([*checked.bars.symbols, *codes(checked)]) == list(SYMBOLS)
    if checked.bars.symbols:
        assert np.isfinite(checked.bars.close[-1]).all()


def answer(folder, zone):
    """The answer or the error of ours; any other error fails the test."""
    try:
        return bars(folder, zone=zone)
    except OpenbellError as error:
        return error


def csv_lines(rows):
    """Lines of a CSV file, the header first, without quotes."""
    head = ",".join(["timestamp", "symbol", *FIELDS])
    columns = [rows.columns[name] for name in FIELDS]
    body = zip(rows.times.astype(str), rows.symbols, *columns, strict=True)
    return [head, *(",".join(str(cell) for cell in line) for line in body)]


def test_what_prices_are_adjusted_for_is_said_by_the_settings(tmp_path):
    save(tmp_path, table(daily()))
    assert feed(tmp_path).bars(SYMBOLS, DAY, 5, AS_OF).bars.adjustment == "raw"
    assert feed(tmp_path, adjustment="split").bars(SYMBOLS, DAY, 5, AS_OF).bars.adjustment == "split"
