"""Synthetic panels from a seed: what a check or a test needs when no market will do."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import Bars, FloatPanel, Timeframe, Times, make_bars

#: Bars of five minutes in one session.
PER_SESSION = 78


def session_times(rows: int, start: str = "2020-01-01") -> Times:
    """Closes at 21:00 UTC on weekdays, shape (rows,)."""
    return _after_midnight(start, np.arange(rows), np.full(rows, 21 * 60))


def intraday_times(rows: int, start: str = "2020-01-01") -> Times:
    """Ends of bars of five minutes, 14:35 to 21:00 UTC on weekdays, shape (rows,)."""
    count = np.arange(rows)
    return _after_midnight(start, count // PER_SESSION, 14 * 60 + 35 + 5 * (count % PER_SESSION))


def _after_midnight(start: str, weekdays: NDArray[np.int64], minutes: NDArray[np.int64]) -> Times:
    days: Times = np.busday_offset(start, weekdays, roll="forward").astype("datetime64[ns]")
    days += minutes.astype("timedelta64[m]")
    return days


def bars_of(
    close: FloatPanel | Sequence[Sequence[float]],
    *,
    high: FloatPanel | None = None,
    low: FloatPanel | None = None,
    symbols: Sequence[str] | None = None,
    times: Times | None = None,
    timeframe: str = "1d",
) -> Bars:
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
    times: Times | None = None,
    timeframe: str = "1d",
) -> Bars:
    """A geometric random walk; the last symbol begins at row ``late``, the first one ends before row ``ended``."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, volatility, (rows, symbols)).cumsum(axis=0))
    if late is not None:
        close[:late, -1] = np.nan
    if ended is not None:
        close[ended:, 0] = np.nan
    reach: NDArray[np.float64] = np.exp(np.abs(rng.normal(0, volatility / 2, (2, rows, symbols))))
    return bars_of(close, high=close * reach[0], low=close / reach[1], times=times, timeframe=timeframe)


def trial_panels(lookback: int, seed: int) -> Mapping[str, Bars]:
    """Panels that a strategy with this lookback is tried on, by what they are; each as a feed could give it."""
    rows, still = 3 * lookback + 60, 2 * lookback + 20
    late, ended = lookback + 30, 2 * lookback + 40
    jump = random_bars(rows, symbols=3, seed=seed).close.copy()
    jump[lookback] *= 5
    jump[lookback + 5 :] = jump[lookback + 5]
    of_minutes = random_bars(
        rows, seed=seed + 1, late=late, ended=ended, volatility=0.002, times=intraday_times(rows), timeframe="5m"
    )
    return {
        "random walk": random_bars(rows, seed=seed, late=late, ended=ended),
        "random walk of 5m bars": of_minutes,
        "prices that stand still": bars_of(np.full((still, 3), 100.0)),
        "prices that jump once": bars_of(jump),
    }
