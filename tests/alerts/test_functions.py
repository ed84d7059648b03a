"""Each function against pandas, published figures and its own promises."""

import numpy as np
import pandas as pd
import pytest

from openbell.alerts import functions
from openbell.alerts.functions import FUNCTIONS
from openbell.alerts.parser import parse
from openbell.values.bars import FIELDS
from tests.alerts.samples import bars_of, says, value, walk

BARS = walk()
FRAME = {field: pd.DataFrame(BARS.panel(field)) for field in FIELDS}
CLOSE, HIGH, LOW, VOLUME = FRAME["close"], FRAME["high"], FRAME["low"], FRAME["volume"]


def pandas_wilder(frame, bars):
    return frame.ewm(alpha=1 / bars, adjust=False).mean()


def pandas_rsi(close, bars):
    step = close.diff().iloc[1:]
    return 100 * pandas_wilder(step.clip(lower=0), bars) / pandas_wilder(step.abs(), bars)


def pandas_atr(bars):
    before = CLOSE.shift()
    return pandas_wilder((np.maximum(HIGH, before) - np.minimum(LOW, before)).iloc[1:], bars)


TYPICAL = (HIGH + LOW + CLOSE) / 3
EXACT = {
    "sma(20)": CLOSE.rolling(20).mean(),
    "sma(volume, 7)": VOLUME.rolling(7).mean(),
    "highest(55)": HIGH.rolling(55).max(),
    "highest(close, 3)": CLOSE.rolling(3).max(),
    "lowest(5)": LOW.rolling(5).min(),
    "change(10)": 100 * CLOSE.pct_change(10),
    "change(volume, 1)": 100 * VOLUME.pct_change(),
    "stdev(20)": CLOSE.rolling(20).std(ddof=0),
    "bollinger_upper(20, 2)": CLOSE.rolling(20).mean() + 2 * CLOSE.rolling(20).std(ddof=0),
    "bollinger_lower(20, 2.5)": CLOSE.rolling(20).mean() - 2.5 * CLOSE.rolling(20).std(ddof=0),
    "vwap(15)": (TYPICAL * VOLUME).rolling(15).sum() / VOLUME.rolling(15).sum(),
    "ago(close, 9)": CLOSE.shift(9),
    "ago(sma(20), 3)": CLOSE.rolling(20).mean().shift(3),
    "highest(sma(20), 5)": CLOSE.rolling(20).mean().rolling(5).max(),
    "abs(close - 1000)": (CLOSE - 1000).abs(),
    "max(close, ago(close, 1))": np.maximum(CLOSE, CLOSE.shift()),
    "min(close, 100)": CLOSE.clip(upper=100),
    "2 * close - high / -4": 2 * CLOSE + HIGH / 4,
}
#: Averages that never forget; ours begin SETTLE times their length ago.
SETTLING = {
    "ema(20)": (CLOSE.ewm(span=20, adjust=False).mean(), 1e-3),
    "ema(12) - ema(26)": (CLOSE.ewm(span=12, adjust=False).mean() - CLOSE.ewm(span=26, adjust=False).mean(), 0.05),
    "rsi(14)": (pandas_rsi(CLOSE, 14), 0.05),
    "rsi(2)": (pandas_rsi(CLOSE, 2), 0.05),
    "atr(14)": (pandas_atr(14), 0.005),
}


@pytest.mark.parametrize("text", EXACT)
def test_C06_values_are_those_of_pandas(text):
    for column in range(4):
        assert value(text, BARS, column) == pytest.approx(EXACT[text].iloc[-1, column], rel=1e-9)


@pytest.mark.parametrize("text", SETTLING)
def test_C06_averages_without_end_agree_with_pandas_as_far_as_they_have_settled(text):
    expected, slack = SETTLING[text]
    for column in range(4):
        assert value(text, BARS, column) == pytest.approx(expected.iloc[-1, column], rel=slack, abs=slack)


def test_every_function_is_compared_with_pandas():
    compared = " ".join([*EXACT, *SETTLING])
    assert [name for name in FUNCTIONS if f"{name}(" not in compared] == []


#: The closes of QQQQ, and the index after each from the fifteenth, of the worked example at StockCharts' ChartSchool.
QQQQ = (
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931),
    *(46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521),
    *(45.7137, 46.4515, 45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314),
)
RSI_14 = (
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38),
    *(54.71, 50.42, 39.99, 41.46, 41.87, 45.46, 37.30, 33.08, 37.77),
)


def test_wilders_average_gives_the_published_index():
    steps = np.diff(QQQQ)
    for number, published in enumerate(RSI_14, start=14):
        weights = functions._weights(14, 1 / 14, number)
        rises, moves = weights @ np.maximum(steps[:number], 0), weights @ np.abs(steps[:number])
        assert 100 * rises / moves == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize("bars", [1, 2, 9, 50])
@pytest.mark.parametrize("alpha", [lambda n: 2 / (n + 1), lambda n: 1 / n])
def test_weights_of_an_average_add_up_to_one(bars, alpha):
    assert functions._weights(bars, alpha(bars), 4 * bars).sum() == pytest.approx(1)


@pytest.mark.parametrize("text", [*EXACT, *SETTLING])
def test_a_value_is_known_with_exactly_the_bars_it_says_and_unknown_with_one_less(text):
    need = parse(f"{text} > 0").bars
    assert np.isfinite(value(text, BARS.tail(need)))
    assert np.isnan(value(text, BARS.tail(need - 1))) or need == 1


@pytest.mark.parametrize("text", [*EXACT, *SETTLING])
def test_the_past_beyond_its_reach_changes_nothing(text):
    need = parse(f"{text} > 0").bars
    assert value(text, BARS) == pytest.approx(value(text, BARS.tail(need)), rel=1e-9)


@pytest.mark.parametrize("text", [*EXACT, *SETTLING])
def test_a_value_asked_for_earlier_rows_is_the_same(text):
    assert value(f"ago({text}, 3)", BARS) == pytest.approx(value(text, BARS.rows(0, len(BARS) - 3)), rel=1e-9)


def test_a_symbol_without_a_bar_at_the_end_or_too_few_at_the_start_is_unknown():
    close = np.full((300, 3), 10.0)
    close[-1, 1] = np.nan
    close[:290, 2] = np.nan
    assert says("sma(20) > 1", bars_of(close)) == ["yes", "unknown", "unknown"]


def test_prices_that_stand_still_are_no_signal():
    still = bars_of(np.full(900, 100.1))
    for text in ("close > sma(20)", "close < ema(200)", "ema(12) - ema(26) != 0", "stdev(20) > 0", "change(5) != 0"):
        assert says(text, still) == ["no"], text
    for text in ("rsi(14) == 50", "close == vwap(20)", "bollinger_upper(20, 2) == close", "atr(14) == 0"):
        assert says(text, still) == ["yes"], text


def test_where_nothing_was_traded_no_mean_price_is_known():
    assert says("close >= vwap(5)", bars_of(np.full(9, 10.0), volume=0.0)) == ["unknown"]


def test_rsi_stays_between_its_ends():
    assert value("rsi(14)", bars_of(np.arange(200.0) + 1)) == 100
    assert value("rsi(14)", bars_of(np.arange(200.0)[::-1] + 1)) == 0
