"""Backtesting.py: one instrument a run, each with cash of its own; its loop starts a bar after the means are known."""

import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from measure import CASH, EQUAL, FAST, QUANTITY, SLOW, measure

warnings.filterwarnings("ignore")


def mean(values, window):
    # Zeros, not NaN, where a mean is not known: its loop would start one bar late.
    return pd.Series(values).rolling(window).mean().fillna(0.0).to_numpy()


class Crossover(Strategy):
    def init(self):
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self):
        if not self.slow[-1]:
            return
        above = self.fast[-1] > self.slow[-1] * (1 + EQUAL)
        if above and not self.position:
            self.buy(size=QUANTITY)
        elif self.position and not above:
            self.position.close()


def prepare(symbols, closes, values):
    index = pd.DatetimeIndex(closes)
    frames = []
    for column in range(len(symbols)):
        fields = dict(zip(("Open", "High", "Low", "Close", "Volume"), values[:, :, column], strict=True))
        frames.append(pd.DataFrame(fields, index=index)[np.isfinite(values[3, :, column])])
    return frames


def run(frames):
    fills, cash = 0, float(CASH)
    for frame in frames:
        stats = Backtest(frame, Crossover, cash=CASH, commission=0.0, finalize_trades=False).run()
        broker = stats["_strategy"]._broker  # noqa: SLF001  # it shows no cash of its own
        fills += 2 * len(broker.closed_trades) + len(broker.trades)
        cash += sum(trade.pl for trade in broker.closed_trades)
        cash -= sum(trade.size * trade.entry_price for trade in broker.trades)
    return fills, cash


if __name__ == "__main__":
    measure(run, prepare)
