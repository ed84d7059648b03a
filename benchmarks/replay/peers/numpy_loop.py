"""The floor: one bar after the other, numpy rows over all symbols, no gate, no ledger, no statistics."""

import numpy as np
from measure import CASH, EQUAL, FAST, QUANTITY, SLOW, measure


def prepare(symbols, closes, values):  # noqa: ARG001
    return values[0], values[3]


def run(panels):
    opens, closes = panels
    known = np.nan_to_num(closes)
    held, wanted = np.zeros(opens.shape[1]), np.zeros(opens.shape[1])
    fast, slow = np.zeros(opens.shape[1]), np.zeros(opens.shape[1])
    fills, cash = 0, float(CASH)
    for row in range(len(opens)):
        moved = np.flatnonzero(wanted != held)
        if moved.size:
            change = wanted[moved] - held[moved]
            cash -= float(change @ opens[row, moved])
            fills += moved.size
            held[moved] = wanted[moved]
        fast += known[row]
        slow += known[row]
        if row >= FAST:
            fast -= known[row - FAST]
        if row >= SLOW:
            slow -= known[row - SLOW]
        if row >= SLOW - 1:
            above = fast * SLOW > slow * FAST * (1 + EQUAL)
            wanted = np.where(above & np.isfinite(closes[row - SLOW + 1]), float(QUANTITY), 0.0)
    return fills, cash


if __name__ == "__main__":
    measure(run, prepare)
