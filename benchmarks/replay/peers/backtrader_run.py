"""backtrader, observers off: a feed per symbol, its own moving averages, market orders for the next open."""

import backtrader as bt
import numpy as np
import pandas as pd
from measure import CASH, EQUAL, FAST, QUANTITY, SLOW, measure


class Crossover(bt.Strategy):
    def __init__(self):
        self.means = [(bt.ind.SMA(data, period=FAST), bt.ind.SMA(data, period=SLOW)) for data in self.datas]
        self.fills = 0

    def notify_order(self, order):
        self.fills += order.status == order.Completed

    def prenext(self):
        self.next()  # symbols listed later must not hold the others back

    def next(self):
        for data, (fast, slow) in zip(self.datas, self.means, strict=True):
            if len(data) < SLOW:
                continue
            held, above = self.getposition(data).size, fast[0] > slow[0] * (1 + EQUAL)
            if above and not held:
                self.buy(data=data, size=QUANTITY)
            elif held and not above:
                self.sell(data=data, size=QUANTITY)


def prepare(symbols, closes, values):
    index = pd.DatetimeIndex(closes)
    frames = []
    for column in range(len(symbols)):
        fields = dict(zip(("open", "high", "low", "close", "volume"), values[:, :, column], strict=True))
        frames.append(pd.DataFrame(fields, index=index)[np.isfinite(values[3, :, column])])
    return symbols, frames


def run(prepared):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH)
    for symbol, frame in zip(*prepared, strict=True):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=symbol)
    cerebro.addstrategy(Crossover)
    strategy = cerebro.run()[0]
    return strategy.fills, cerebro.broker.getcash()


if __name__ == "__main__":
    measure(run, prepare)
