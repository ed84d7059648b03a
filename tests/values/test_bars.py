"""A panel is what it says: sorted, unique, finite where it is present, read-only."""

from datetime import UTC, datetime

import numpy as np
import pytest

from openbell.errors import DataError
from openbell.values.bars import FIELDS, Bars, Timeframe, empty_bars, make_bars
from openbell.values.frames import to_frame

TIMES = np.array(["2026-11-18T21:00", "2026-11-19T21:00", "2026-11-20T21:00"], "datetime64[ns]")


def panel(close: np.ndarray, times: np.ndarray = TIMES, symbols: tuple[str, ...] = ("AAA", "BBB")) -> Bars:
    return make_bars(symbols, times.copy(), {field: close.copy() for field in FIELDS}, Timeframe("1d"), "test")


PRICES = np.array([[1.0, np.nan], [2.0, 20.0], [3.0, 30.0]])


def test_a_late_listing_is_empty_before_it() -> None:
    assert panel(PRICES).counts().tolist() == [3, 2]


@pytest.mark.parametrize(
    ("close", "times", "symbols", "message"),
    [
        (PRICES, TIMES[::-1], ("AAA", "BBB"), "do not rise"),
        (PRICES, TIMES[[0, 0, 1]], ("AAA", "BBB"), "do not rise"),
        (PRICES, TIMES, ("AAA", "AAA"), "stands twice"),
        (PRICES[:2], TIMES, ("AAA", "BBB"), "shape"),
        (np.array([[1.0, 1], [np.nan, 1], [1, 1]]), TIMES, ("AAA", "BBB"), "hole"),
    ],
)
def test_a_panel_that_is_none_cannot_be_built(
    close: np.ndarray, times: np.ndarray, symbols: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        panel(close, times, symbols)


def test_a_field_must_be_present_where_close_is() -> None:
    fields = {field: PRICES.copy() for field in FIELDS}
    fields["volume"][2, 0] = np.nan
    with pytest.raises(DataError, match="volume is not finite exactly where close is"):
        make_bars(("AAA", "BBB"), TIMES.copy(), fields, Timeframe("1d"), "test")


def test_nobody_can_write_into_a_panel() -> None:
    with pytest.raises(ValueError, match="read-only"):
        panel(PRICES).close[0, 0] = 9


def test_until_keeps_what_was_complete() -> None:
    bars = panel(PRICES)
    assert len(bars.until(datetime(2026, 11, 19, 21, tzinfo=UTC))) == 2
    assert len(bars.until(datetime(2026, 11, 19, 20, 59, 59, tzinfo=UTC))) == 1


def test_select_reorders_and_tail_cuts() -> None:
    bars = panel(PRICES).select(("BBB", "AAA")).tail(1)
    assert bars.symbols == ("BBB", "AAA")
    assert bars.close.tolist() == [[30.0, 3.0]]


def test_the_digest_sees_every_number() -> None:
    changed = PRICES.copy()
    changed[2, 1] = 30.000001
    assert panel(PRICES).digest() == panel(PRICES).digest()
    assert panel(PRICES).digest() != panel(changed).digest()


def test_a_frame_is_made_when_asked_for() -> None:
    frame = to_frame(panel(PRICES))
    assert list(frame.columns) == ["AAA", "BBB"]
    assert str(frame.index.tz) == "UTC"


def test_an_empty_panel_is_a_panel() -> None:
    assert len(empty_bars(("AAA",), Timeframe("1d"), "test")) == 0


@pytest.mark.parametrize("text", ["2d", "0m", "1w", "", "-5m"])
def test_a_timeframe_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(Exception, match=r"timeframe|duration"):
        Timeframe(text)
