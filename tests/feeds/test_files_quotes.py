"""Quotes of the files feed come from bars that validation takes, and from no others."""

from datetime import timedelta

import pytest

from openbell.values.bars import FIELDS
from tests.feeds.files import feed, save, table
from tests.feeds.frames import AS_OF, DAY, SYMBOLS, codes, daily


def disputed():
    rows = daily().again("BBB", -1)
    return rows.set("BBB", -1, close=float(rows.columns["close"][rows.row("BBB", -1)]) * 1.001)


def scaled(k, factor):
    rows = daily()
    at = rows.row("BBB", k)
    return rows.set("BBB", k, **{name: float(rows.columns[name][at]) * factor for name in FIELDS[:4]})


def outside_of_low():
    rows = daily()
    return rows.set("BBB", -1, close=float(rows.columns["close"][rows.row("BBB", -1)]) / 10)


REJECTED = [
    (outside_of_low, "DATA_INVALID"),
    (lambda: daily().set("BBB", -1, volume=-1.0), "DATA_INVALID"),
    (disputed, "DATA_CONFLICT"),
    (lambda: scaled(-1, 0.5), "DATA_SUSPECT"),
]


@pytest.mark.parametrize(("rows", "code"), REJECTED)
def test_a_newest_bar_that_validation_rejects_gives_no_quote(tmp_path, rows, code):
    save(tmp_path, table(rows()))
    assert codes(feed(tmp_path).bars(SYMBOLS, DAY, 5, AS_OF)) == {"BBB": code}
    assert set(feed(tmp_path).quotes(SYMBOLS, AS_OF)) == {"AAA", "CCC"}


def test_a_symbol_whose_rows_cannot_be_used_at_all_gives_no_quote(tmp_path):
    rows = daily()
    content = rows.times.astype("datetime64[D]")
    content[rows.row("BBB", -3)] = "NaT"
    rows.times = content
    save(tmp_path, table(rows), "bars.parquet")
    assert set(feed(tmp_path, "bars.parquet").quotes(SYMBOLS, AS_OF)) == {"AAA", "CCC"}


def test_a_defect_that_is_not_known_yet_leaves_the_quote(tmp_path):
    save(tmp_path, table(outside_of_low()))
    assert set(feed(tmp_path).quotes(SYMBOLS, AS_OF - timedelta(days=4))) == set(SYMBOLS)


def test_a_newest_bar_is_not_doubted_for_the_numbers_of_a_bar_that_is_none(tmp_path):
    save(tmp_path, table(daily().set("BBB", -2, close=0.01)))
    assert set(feed(tmp_path).quotes(SYMBOLS, AS_OF)) == set(SYMBOLS)
