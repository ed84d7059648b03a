"""Quotes of many prices at once, in whole ten-thousandths: as exact as one by one, for the prices that allow it."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from openbell.values.bars import FloatPanel

Ticks = NDArray[np.int64]

#: Parts of one unit of money; parts of a cent.
UNIT, CENTS = 10_000, 100
#: Prices that are told; below lie finer ticks, above sums that no longer fit.
LEAST, MOST = 2.0, 100_000.0
#: Decimals of a spread that are told.
_DIGITS = 3


def in_ticks(prices: FloatPanel) -> Ticks:
    """Prices in ten-thousandths, 0 where one is no whole number of them or out of bounds."""
    with np.errstate(invalid="ignore"):
        ticks = np.rint(prices * UNIT)
        exact = (ticks / UNIT == prices) & (prices >= LEAST) & (prices < MOST)
    return np.where(exact, ticks, 0).astype(np.int64)


def scaled(bps: Decimal) -> tuple[int, int] | None:
    """Hundredths of a percent as (whole number, scale); None of what has too many decimals."""
    scale = 10**_DIGITS
    whole = bps * scale
    return (int(whole), scale) if whole == int(whole) else None


def cents_around(prices: FloatPanel, spread_bps: Decimal) -> tuple[Ticks, Ticks]:
    """Bid and ask on whole cents, half a spread below and above, rounded away from the price; 0 where not told."""
    last, spread = in_ticks(prices), scaled(spread_bps)
    if spread is None:
        return np.zeros_like(last), np.zeros_like(last)
    whole = 20_000 * spread[1]
    bid = last * (whole - spread[0]) // (whole * CENTS) * CENTS
    ask = -(-last * (whole + spread[0]) // (whole * CENTS)) * CENTS
    return bid, ask
