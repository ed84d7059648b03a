"""The reference prices: five real stocks, and random walks of fixed seeds on whole cents.

Whole cents make every sum exact, and no two means are ever equal, so that all engines must reach the same fills and the
same cash. Kept as ``.npz`` files, which the peers' own environments can read with numpy alone.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from openbell.calendar.exchange import exchange
from openbell.values.bars import FIELDS

FAST, SLOW, QUANTITY, CASH = 20, 50, 100, 1_000_000_000
#: Symbols and bars of each workload.
SIZES = {"W2": (100, 2_520), "W3": (500, 2_520)}
FIRST, SEED = "2000-01-03", 20_26


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """One array (T, N) per field, NaN before a listing; ``opens`` and ``closes`` (T,) are when sessions do so, UTC."""

    symbols: tuple[str, ...]
    opens: np.ndarray
    closes: np.ndarray
    values: np.ndarray

    def save(self, path: Path) -> Path:
        np.savez(path, symbols=np.array(self.symbols), opens=self.opens, closes=self.closes, values=self.values)
        return path

    @property
    def bars(self) -> int:
        """Bars that are there."""
        return int(np.isfinite(self.values[0]).sum())


def load(path: Path) -> Prices:
    kept = np.load(path)
    return Prices(tuple(kept["symbols"].tolist()), kept["opens"], kept["closes"], kept["values"])


def made(name: str, folder: Path) -> Path:
    """The file of a workload, written when it is not there yet."""
    path = folder / f"{name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (real() if name == "W1" else walk(*SIZES[name])).save(path)
    return path


def real() -> Prices:
    """AAPL, FB, GOOG, IBM and MSFT from March 2000 to March 2013 under their own dates, each from its listing on."""
    with files("bokeh_sampledata").joinpath("_data", "stocks.csv.gz").open("rb") as file:
        frame = pd.read_csv(file, parse_dates=["Date"], compression="gzip")
    table = {field: frame.pivot(index="Date", columns="Ticker", values=field.title()) for field in FIELDS}
    closes = table["close"]
    values = np.stack([table[field].to_numpy(float).round(2) for field in FIELDS])
    return _dated(tuple(closes.columns), str(closes.index[0].date()), values)


def walk(symbols: int, bars: int, seed: int = SEED) -> Prices:
    """Geometric Brownian motion on whole cents, 20 % to 45 % a year."""
    rng = np.random.default_rng((seed, symbols, bars))
    daily = rng.uniform(0.20, 0.45, symbols) / np.sqrt(252)
    steps = rng.normal(0.0002, 1.0, (bars, symbols)) * daily
    close = np.round(rng.uniform(20, 200, symbols) * np.exp(steps.cumsum(axis=0)) * 100).clip(500)
    apart(close)
    before = np.vstack([close[:1], close[:-1]])
    opened = np.round(before * np.exp(rng.normal(0, 0.003, close.shape)))
    high = np.maximum(opened, close) + rng.integers(0, 50, close.shape)
    low = np.minimum(opened, close) - rng.integers(0, 50, close.shape)
    volume = rng.integers(100_000, 1_000_000, close.shape).astype(float) * 100
    values = np.stack([opened, high, low, close, volume]) / 100
    names = tuple(f"S{number:04d}" for number in range(symbols))
    return _dated(names, FIRST, values)


def apart(cents: np.ndarray) -> None:
    """Move a close by a cent wherever the two means would be equal, until they are nowhere."""
    while True:
        sums = np.vstack([np.zeros((1, cents.shape[1])), cents.cumsum(axis=0)])
        fast, slow = (sums[SLOW:] - sums[SLOW - n : len(sums) - n] for n in (FAST, SLOW))
        equal = np.argwhere(fast * SLOW == slow * FAST)
        if not len(equal):
            return
        row, column = equal[0]
        cents[row + SLOW - 1, column] += 1


def _dated(symbols: tuple[str, ...], first: str, values: np.ndarray) -> Prices:
    """With the sessions of New York from ``first`` on."""
    market = exchange("XNYS")
    start = np.datetime64(first).astype(object)
    last = market.offset(start, values.shape[1] - 1)
    opens, closes = market.session_bounds(start, last)
    return Prices(symbols, opens, closes, values)
