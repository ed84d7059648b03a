"""Twenty strategies on 500 symbols x 200 bars, against a loop over symbols in pandas with the same maths.

Both sides start from data in memory (a panel; a frame per symbol) and end with equal ``Signal`` values, reasons
included. Then the growth of our side from 100 to 2,000 symbols. Run as ``python benchmarks/evaluate.py``.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from openbell.stages.evaluate import Seat, evaluate
from openbell.strategies.base import Strategy
from openbell.strategies.buy_and_hold import BuyAndHold
from openbell.strategies.donchian_breakout import DonchianBreakout
from openbell.strategies.rsi_reversion import RsiReversion
from openbell.strategies.sma_crossover import SmaCrossover
from openbell.strategies.ts_momentum import TimeSeriesMomentum
from openbell.strategies.xs_momentum import CrossSectionalMomentum
from openbell.values.bars import FIELDS, Bars, Timeframe, make_bars
from openbell.values.signal import Signal

ROWS, SYMBOLS, REPEATS, ROUNDS = 200, 500, 15, 5
#: The issue's bounds.
FASTER, EXPONENT = 300, 1.05
HOLD = (math.nan, 0.0, "")

STRATEGIES = (
    *(SmaCrossover(fast=fast, slow=slow) for fast, slow in ((5, 20), (10, 40), (20, 50), (50, 150))),
    *(TimeSeriesMomentum(window=window, skip=skip) for window, skip in ((20, 0), (60, 5), (120, 5), (180, 10))),
    *(CrossSectionalMomentum(window=window) for window in (20, 60, 120)),
    *(RsiReversion(window=window) for window in (2, 7, 14, 21)),
    *(DonchianBreakout(entry=entry, exit=leave) for entry, leave in ((20, 10), (55, 20), (100, 50))),
    *(BuyAndHold(rebalance=every) for every in ("weekly", "monthly")),
)


def walk(symbols: int, seed: int = 5) -> Bars:
    """A geometric random walk of daily bars."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.02, (ROWS, symbols)).cumsum(axis=0))
    high, low = close * (1 + rng.random(close.shape) / 100), close * (1 - rng.random(close.shape) / 100)
    days = np.busday_offset("2025-01-01", np.arange(ROWS), roll="forward")
    arrays = (close.copy(), high, low, close, np.full(close.shape, 1e6))
    times = days.astype("datetime64[ns]") + np.timedelta64(21, "h")
    names = [f"S{number}" for number in range(symbols)]
    return make_bars(names, times, dict(zip(FIELDS, arrays, strict=True)), Timeframe("1d"), "walk")


def seats_of(bars: Bars) -> tuple[Seat, ...]:
    return tuple(Seat(f"s{number}", strategy, bars.symbols) for number, strategy in enumerate(STRATEGIES))


# --- the reference -------------------------------------------------------------------------------------------


def frames_of(bars: Bars) -> dict[str, pd.DataFrame]:
    index = pd.DatetimeIndex(bars.times, tz="UTC")
    return {
        symbol: pd.DataFrame({field: bars.panel(field)[:, column].copy() for field in FIELDS}, index=index)
        for column, symbol in enumerate(bars.symbols)
    }


def likely(z: float) -> float:
    z = min(abs(z), 10.0)
    return math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))


def sma(s: SmaCrossover, frame: pd.DataFrame) -> tuple[float, float, str]:
    close = frame["close"]
    fast, slow = close.rolling(s.fast).mean().iloc[-1], close.rolling(s.slow).mean().iloc[-1]
    noise = math.sqrt((close.pct_change() ** 2).rolling(s.slow - 1).mean().iloc[-1])
    spread = math.sqrt(sum((min(k / s.fast, 1) - k / s.slow) ** 2 for k in range(1, s.slow + 1)))
    gap = fast / slow - 1
    stands = "above" if gap > 1e-9 else "not above"
    words = f"{s.fast}-bar mean {fast:.6g} {stands} {s.slow}-bar mean {slow:.6g}"
    return float(gap > 1e-9), likely(gap / (noise * spread)), words


def momentum(s: TimeSeriesMomentum, frame: pd.DataFrame) -> tuple[float, float, str]:
    close = frame["close"].shift(s.skip)
    moved = close.pct_change(s.window).iloc[-1]
    noise = math.sqrt((close.pct_change() ** 2).rolling(s.window).mean().iloc[-1] * s.window)
    return float(moved > 0), likely(moved / noise), f"{s.window}-bar return {moved:+.2%}, last {s.skip} bars left out"


def rsi(s: RsiReversion, frame: pd.DataFrame) -> tuple[float, float, str]:
    step = frame["close"].diff()
    rises = step.clip(lower=0).rolling(s.window).mean().iloc[-1]
    index = 100 * rises / step.abs().rolling(s.window).mean().iloc[-1]
    if s.oversold <= index <= s.exit_above:
        return HOLD
    target, line = (1.0, f"below {s.oversold:g}") if index < s.oversold else (0.0, f"above {s.exit_above:g}")
    return target, min(max(index, 100 - index) / 100, 1.0), f"{s.window}-bar RSI {index:.1f} {line}"


def donchian(s: DonchianBreakout, frame: pd.DataFrame) -> tuple[float, float, str]:
    close = frame["close"].iloc[-1]
    upper = frame["high"].rolling(s.entry).max().shift(1).iloc[-1]
    lower = frame["low"].rolling(s.exit).min().shift(1).iloc[-1]
    if lower <= close <= upper:
        return HOLD
    sure = 0.5 + 0.5 * likely(max(close - upper, lower - close) / (upper - lower))
    if close > upper:
        return 1.0, sure, f"close {close:.6g} above the {s.entry}-bar high {upper:.6g}"
    return 0.0, sure, f"close {close:.6g} below the {s.exit}-bar low {lower:.6g}"


def holding(s: BuyAndHold, frame: pd.DataFrame) -> tuple[float, float, str]:
    period = frame.index.tz_localize(None).to_period({"weekly": "W", "monthly": "M"}[s.rebalance])
    bar = int((period == period[-1]).sum())
    words = f"{s.rebalance} rebalancing: bar {bar} of {s.acting} that act"
    return (1.0, 1.0, words) if bar <= s.acting else HOLD


ONE_BY_ONE = {
    SmaCrossover: sma,
    TimeSeriesMomentum: momentum,
    RsiReversion: rsi,
    DonchianBreakout: donchian,
    BuyAndHold: holding,
}


def ranked(s: CrossSectionalMomentum, frames: dict[str, pd.DataFrame]) -> list[tuple[float, float, str]]:
    moved = pd.Series(
        {
            name: frame["close"].pct_change(s.window).iloc[-1 - s.skip]
            for name, frame in frames.items()
            if _old_enough(s, frame)
        }
    )
    place, count = moved.rank(ascending=False), len(moved)
    held = max(1, math.floor(count * s.top))
    return [
        (
            float(at <= held),
            abs(at - (count + 1) / 2) / ((count - 1) / 2),
            f"{s.window}-bar return {move:+.2%} ranks {at:g} of {count:g}",
        )
        for at, move in zip(place, moved, strict=True)
    ]


def _old_enough(s: Strategy, frame: pd.DataFrame) -> bool:
    return bool(frame["close"].count() >= s.lookback)


def reference(seats: tuple[Seat, ...], frames: dict[str, pd.DataFrame]) -> list[Signal]:
    """The same signals, symbol by symbol."""
    signals = []
    for seat in seats:
        s = seat.strategy
        if isinstance(s, CrossSectionalMomentum):
            cells = ranked(s, frames)
        else:
            cells = [
                ONE_BY_ONE[type(s)](s, frames[symbol]) for symbol in seat.universe if _old_enough(s, frames[symbol])
            ]
        for symbol, (target, confidence, words) in zip(seat.universe, cells, strict=True):
            signals.append(Signal(seat.label, symbol, target, confidence, words or s.hold_reason))
    return signals


# --- measuring -----------------------------------------------------------------------------------------------


def check_equal(ours: tuple[Signal, ...], theirs: list[Signal]) -> None:
    """Same strategy, symbol, target and words; confidence within 1e-9."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert (one.strategy, one.symbol, one.stance, one.reason) == (
            other.strategy,
            other.symbol,
            other.stance,
            other.reason,
        ), (one, other)
        assert math.isnan(one.target) or one.target == other.target
        assert abs(one.confidence - other.confidence) < 1e-9, (one, other)


def ours(symbols: int) -> float:
    """Median seconds of a whole evaluate()."""
    bars = walk(symbols)
    seats = seats_of(bars)
    return statistics.median(clock(lambda: evaluate(seats, bars)) for _ in range(REPEATS))


def round_of(seats: tuple[Seat, ...], bars: Bars, frames: dict[str, pd.DataFrame]) -> tuple[float, float]:
    """Seconds of (the loop, evaluate()), with ours before and after the loop so that both see the same load."""
    before = [clock(lambda: evaluate(seats, bars)) for _ in range(REPEATS)]
    loop = clock(lambda: reference(seats, frames))
    after = [clock(lambda: evaluate(seats, bars)) for _ in range(REPEATS)]
    return loop, statistics.median(before + after)


def clock(work: Callable[[], object]) -> float:
    """Seconds of one call; as in timeit without the garbage collector, and without the end of the result."""
    gc.disable()
    start = time.perf_counter()
    result = work()
    took = time.perf_counter() - start
    gc.enable()
    del result
    return took


def main() -> None:
    bars = walk(SYMBOLS)
    seats, frames = seats_of(bars), frames_of(bars)
    evaluate(seats, bars), ours(100)
    rounds = [round_of(seats, bars, frames) for _ in range(ROUNDS)]
    check_equal(evaluate(seats, bars).signals, reference(seats, frames))
    loop, took = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratios = sorted(theirs / mine for theirs, mine in rounds)
    print(f"{len(seats)} strategies x {SYMBOLS} symbols x {ROWS} bars, all signals equal; {ROUNDS} rounds")
    print(f"  pandas, symbol by symbol  {loop * 1e3:10,.1f} ms")
    print(f"  evaluate()                {took * 1e3:10,.1f} ms")
    print(
        f"  ratio, median round       {statistics.median(ratios):10,.0f} x   ({ratios[0]:.0f}-{ratios[-1]:.0f};"
        f" goal: at least {FASTER})"
    )
    times = {symbols: ours(symbols) for symbols in (100, 500, 2000)}
    for symbols, seconds in times.items():
        print(f"  {symbols:5,} symbols            {seconds * 1e3:10,.1f} ms")
    growth = math.log(times[2000] / times[100]) / math.log(20)
    print(f"  exponent 100 to 2,000     {growth:10.2f}     (goal: at most 1, {EXPONENT} with noise)")


if __name__ == "__main__":
    main()
