"""How many bars may have been completed since the last one that is known."""

from datetime import datetime, timedelta

import numpy as np

from openbell.calendar.exchange import Exchange
from openbell.stages.sessions import instant_of
from openbell.values.bars import Timeframe, to_datetime64

#: A gap longer than this is not counted session by session.
LONG = timedelta(days=400)
#: More bars than any plan asks for.
MANY = 1_000_000


def due(known: int, as_of: datetime, timeframe: Timeframe, venue: Exchange) -> int:
    """Bars that can be complete at ``as_of`` and not at ``known`` (nanoseconds of the epoch).

    Never too few; too many by two a session at most.
    """
    until, end = np.datetime64(known, "ns"), to_datetime64(as_of)
    since = instant_of(until)
    if end <= until:
        return 0
    if as_of - since > LONG:
        return MANY
    day = timedelta(days=1)
    first, last = max(venue.first, since.date() - day), min(venue.last, as_of.date() + day)
    if timeframe.daily:
        closes = venue.session_bounds(first, last)[1]
        return int(((closes > until) & (closes <= end)).sum())
    spans = [span for hours in venue.hours_between(first, last) for span in hours.spans]
    return sum(_inside(max(opens, since), min(closes, as_of), as_of, timeframe.span) for opens, closes in spans)


def _inside(start: datetime, end: datetime, as_of: datetime, span: timedelta) -> int:
    """Bars complete in part of a session, whether they are counted from its start or on the clock."""
    if end <= start:
        return 0
    seconds = span.total_seconds()
    on_the_clock = int(end.timestamp() // seconds - start.timestamp() // seconds)
    closed = end < as_of
    return max((end - start) // span, on_the_clock) + closed
