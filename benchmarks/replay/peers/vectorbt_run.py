"""vectorbt: means and signals of whole frames, then its compiled loop over bars and columns, cash shared."""

import pandas as pd
import vectorbt as vbt
from measure import CASH, EQUAL, FAST, QUANTITY, SLOW, measure


def prepare(symbols, closes, values):
    index = pd.DatetimeIndex(closes)
    return tuple(pd.DataFrame(values[field], index=index, columns=symbols) for field in (0, 3))


def run(frames):
    opens, closes = frames
    fast = vbt.MA.run(closes, FAST).ma.to_numpy()
    slow = vbt.MA.run(closes, SLOW).ma.to_numpy()
    above = pd.DataFrame(fast > slow * (1 + EQUAL), index=closes.index, columns=closes.columns).vbt.fshift(1)
    above = above.fillna(False).astype(bool)
    book = vbt.Portfolio.from_signals(
        closes, entries=above, exits=~above, price=opens, size=QUANTITY, init_cash=CASH, cash_sharing=True, freq="1D"
    )
    return book.orders.count(), float(book.cash().iloc[-1])


if __name__ == "__main__":
    measure(run, prepare)
