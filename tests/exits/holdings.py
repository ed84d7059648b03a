"""Positions for tests of the exit rules: calm ones that every rule is content with."""

import numpy as np

from openbell.exits.holdings import Holdings

HOUR = 3600.0


def holdings(symbols=("AAA",), **columns) -> Holdings:
    """Ten long at 100, price 101, an hour old, an hour before the close; each column a number or one per symbol."""
    calm = {
        "quantity": 10.0,
        "average": 100.0,
        "mark": 101.0,
        "high": 102.0,
        "low": 99.0,
        "age": HOUR,
        "sessions": 0.0,
        "leaving": 0.0,
        "left": HOUR,
    }
    return Holdings(tuple(symbols), **{name: _row(value, len(symbols)) for name, value in (calm | columns).items()})


def _row(value, count):
    return np.broadcast_to(np.asarray(value, np.float64), (count,)).copy()
