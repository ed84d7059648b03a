"""Which part of the past has to be asked for, and what Alpaca calls the length of a bar."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from openbell.calendar.exchange import Exchange
from openbell.errors import DataError
from openbell.stages.sessions import instant_of
from openbell.values.bars import Timeframe, to_datetime64

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
#: Symbols that do not trade in every interval have fewer bars than intervals, so more of these are asked for.
SPARE = 1.5


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to ``end``, both inclusive, by when bars start."""

    start: datetime
    end: datetime


def timeframe_word(timeframe: Timeframe) -> str:
    """Alpaca's own word; DataError for a length that it does not make."""
    if timeframe.daily:
        return "1Day"
    for unit, most, word in ((_HOUR, 23, "Hour"), (_MINUTE, 59, "Min")):
        number, rest = divmod(timeframe.span, unit)
        if not rest and number <= most:
            return f"{number}{word}"
    raise DataError(f"timeframe {timeframe.text} is not made by alpaca: 1m to 59m, 1h to 23h and 1d are")


def needed(exchange: Exchange, timeframe: Timeframe, count: int, as_of: datetime) -> Span:
    """Where the last ``count`` bars complete at ``as_of`` lie; as far back as the calendar goes."""
    return _days(exchange, count, as_of) if timeframe.daily else _intervals(exchange, timeframe, count, as_of)


def _days(exchange: Exchange, count: int, as_of: datetime) -> Span:
    """Up to the last complete session: the unfinished bar of today is not even asked for."""
    last = exchange.last_complete(as_of)
    first = exchange.session_dates(end=last)[-count:][0].item()
    closes = exchange.session_bounds(last, last)[1]
    # A daily bar is stamped a few hours into its date: midnight in New York.
    return Span(datetime.combine(first, time(), UTC), min(instant_of(closes[0]), as_of))


def _intervals(exchange: Exchange, timeframe: Timeframe, count: int, as_of: datetime) -> Span:
    now, span = to_datetime64(as_of), np.timedelta64(timeframe.span)
    latest = exchange.coming(as_of) or exchange.last
    wanted = round(count * SPARE)
    first = exchange.session_dates(end=latest)[-(wanted + 1) :][0].item()
    opens, closes = exchange.session_bounds(first, latest)
    whole = np.maximum((np.minimum(closes, now) - opens) // span, closes <= now)
    enough = np.flatnonzero(np.maximum(whole, 0)[::-1].cumsum() >= wanted)
    start = opens[len(opens) - 1 - enough[0]] if len(enough) else opens[0]
    return Span(instant_of(start), as_of)
