"""Seeded synthetic panels for tests: a geometric random walk with one late and one early ended symbol."""

import numpy as np

from openbell.values.bars import Bars, Timeframe, make_bars


def session_times(rows: int, start: str = "2020-01-01") -> np.ndarray:
    """Closes at 21:00 UTC on weekdays, shape (rows,)."""
    days = np.busday_offset(start, np.arange(rows), roll="forward")
    return days.astype("datetime64[ns]") + np.timedelta64(21, "h")


def bars_of(close, *, high=None, low=None, symbols=None, times=None, timeframe: str = "1d") -> Bars:
    """A panel around closes of shape (T, N); bars of zero height unless highs and lows are given."""
    close = np.array(close, np.float64)
    high = close if high is None else np.array(high, np.float64)
    low = close if low is None else np.array(low, np.float64)
    names = symbols or tuple(f"S{column}" for column in range(close.shape[1]))
    volume = np.where(np.isnan(close), np.nan, 1000.0)
    fields = {"open": close.copy(), "high": high.copy(), "low": low.copy(), "close": close.copy(), "volume": volume}
    return make_bars(names, session_times(len(close)) if times is None else times, fields, Timeframe(timeframe), "test")


def random_bars(
    rows: int = 300,
    symbols: int = 6,
    seed: int = 7,
    *,
    late: int | None = None,
    ended: int | None = None,
    volatility: float = 0.02,
) -> Bars:
    """A geometric random walk; the last symbol begins at row ``late``, the first one ends before row ``ended``."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, volatility, (rows, symbols)).cumsum(axis=0))
    if late is not None:
        close[:late, -1] = np.nan
    if ended is not None:
        close[ended:, 0] = np.nan
    reach = np.exp(np.abs(rng.normal(0, volatility / 2, (2, rows, symbols))))
    return bars_of(close, high=close * reach[0], low=close / reach[1])
