"""Panels as data frames, for those who ask; nothing on the way of a run imports this."""

import pandas as pd

from openbell.values.bars import Bars


def to_frame(bars: Bars, field: str = "close") -> pd.DataFrame:
    """One field of a panel as a frame: UTC times down, symbols across."""
    return pd.DataFrame(bars.panel(field), index=pd.DatetimeIndex(bars.times, tz="UTC"), columns=list(bars.symbols))
