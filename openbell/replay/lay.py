"""Laying the tape: bars with their faults, the slots among them, and what every strategy says at every bar."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from openbell.errors import DataError, InputError
from openbell.ports import Historical, MarketFeed
from openbell.replay.grid import clock_of, inside, place, planned, sessions_of, times_of
from openbell.replay.request import Request
from openbell.replay.tape import Flags, Tape
from openbell.stages.check_bars import Wanted
from openbell.stages.check_history import check_history
from openbell.stages.evaluate import panel_signals
from openbell.stages.panels import joined
from openbell.stages.resolve import Resolved
from openbell.stages.sessions import instant_of
from openbell.values.bars import Bars, FloatPanel, Times
from openbell.values.history import History
from openbell.values.job import TRADE
from openbell.values.market import Checked


@dataclass(frozen=True, slots=True)
class _Range:
    """The sessions of a replay and when the first opens and the last closes."""

    sessions: list[date]
    opens: datetime
    closes: datetime


def lay(request: Request, desk: Resolved) -> Tape:
    """The tape of a request; InputError and CalendarError for its range, DataError for its prices."""
    asked = _range(request, desk)
    history = _trimmed(_history(request.feed, desk, asked), desk, asked)
    closes = desk.exchange.session_bounds(asked.sessions[0], asked.sessions[-1])[1]
    every = planned(desk, TRADE, request.start, request.end)
    when, skips = inside(desk, TRADE, every)
    target, confidence = _opinions(desk, history)
    return Tape(
        history=history,
        clock=clock_of(desk, history),
        target=target,
        confidence=confidence,
        slots=place(desk, history, when, closes),
        planned=len(every),
        skips=dict(skips),
        sessions=tuple(asked.sessions),
        closes=closes,
        last=np.searchsorted(history.bars.times, closes, side="right") - 1,
        steady=_steady(desk, history),
    )


def _range(request: Request, desk: Resolved) -> _Range:
    sessions = sessions_of(desk, request.start, request.end)
    first, last = (desk.exchange.hours_between(session, session)[0] for session in (sessions[0], sessions[-1]))
    return _Range(sessions, first.opens, last.closes)


# --- bars ----------------------------------------------------------------------------------------------------


def _history(feed: MarketFeed, desk: Resolved, asked: _Range) -> History:
    if isinstance(feed, Historical):
        return feed.history(desk.symbols, desk.timeframe, desk.history, asked.closes)
    count = desk.history + _bars_in(desk, asked)
    checked = feed.bars(desk.symbols, desk.timeframe, count, asked.closes)
    panels = [checked] if checked.bars.symbols else []
    if checked.aside is not None and checked.aside.symbols:
        panels.append(Checked(checked.aside))
    if not panels:
        raise DataError(f"no symbol of {len(desk.symbols)} has usable bars from {feed.provider}")
    block = joined(panels, desk.exchange)
    wanted = Wanted(
        symbols=desk.symbols,
        timeframe=desk.timeframe,
        count=desk.history,
        as_of=asked.closes,
        exchange=desk.exchange,
        provider=feed.provider,
        adjustment=panels[0].bars.adjustment,
    )
    history = check_history(replace(block, starts=_starts(desk, block.times)), wanted)
    known = {dropped.symbol: dropped for dropped in checked.dropped}
    return replace(history, dropped=tuple(known.get(dropped.symbol, dropped) for dropped in history.dropped))


def _bars_in(desk: Resolved, asked: _Range) -> int:
    """Bars between the first open and the last close, at most."""
    if desk.timeframe.daily:
        return len(asked.sessions)
    opens, closes = desk.exchange.session_bounds(asked.sessions[0], asked.sessions[-1])
    return int(np.sum((closes - opens) // np.timedelta64(desk.timeframe.span) + 1))


def _starts(desk: Resolved, times: Times) -> Times:
    """When bars begin that only tell when they are complete."""
    if not desk.timeframe.daily:
        before = np.concatenate((times[:1] - np.timedelta64(desk.timeframe.span), times[:-1]))
        begun: Times = np.maximum(times - np.timedelta64(desk.timeframe.span), before)
        return begun
    opens, closes = desk.exchange.session_bounds(desk.exchange.first, desk.exchange.last)
    starts: Times = opens[np.minimum(np.searchsorted(closes, times), len(opens) - 1)]
    return starts


def _trimmed(history: History, desk: Resolved, asked: _Range) -> History:
    """The bars of the range and as many before it as the first decision may look at."""
    times = history.bars.times
    opens, closes = times_of([asked.opens, asked.closes])
    market, provider = desk.exchange, history.bars.provider
    first = market.session_of(instant_of(history.starts[0]))
    last = market.session_of(instant_of(times[-1] - np.timedelta64(1, "us")))
    if asked.sessions[0] < first:
        raise InputError(f"start {asked.sessions[0]} is before {first}, the first session that {provider} has")
    if asked.sessions[-1] > last:
        raise InputError(f"end {asked.sessions[-1]} is after {last}, the last session that {provider} has")
    start = max(0, int(np.searchsorted(times, opens, side="right")) - desk.history)
    return history.rows(start, int(np.searchsorted(times, closes, side="right")))


def _steady(desk: Resolved, history: History) -> Flags:
    """Where a symbol trades while a row is made: its session's own bar, or any of the session so far."""
    if desk.timeframe.daily:
        flags: Flags = history.newest == np.arange(len(history.newest), dtype=np.int32)[:, None]
        return flags
    opens, closes = desk.exchange.session_bounds(desk.exchange.first, desk.exchange.last)
    opened = opens[np.minimum(np.searchsorted(closes, history.bars.times), len(opens) - 1)]
    newest: Times = history.bars.times[history.newest]
    seen: Flags = (history.newest >= 0) & (newest > opened[:, None])
    return seen


# --- opinions ------------------------------------------------------------------------------------------------


def _opinions(desk: Resolved, history: History) -> tuple[FloatPanel, FloatPanel]:
    """What each strategy says at each bar about symbols that a run would have kept, (P, T, N) each."""
    bars = history.bars
    if len(desk.seats) == 1 and _same(desk.seats[0].universe, bars.symbols):
        panel = panel_signals(desk.seats[0], bars)  # as it is: there is nothing to lay side by side
        target, confidence = panel.target[None], panel.confidence[None]
    else:
        target, confidence = _side_by_side(desk, bars)
    if not history.fit.all():
        target[:, ~history.fit] = np.nan
    return target, confidence


def _same(universe: tuple[str, ...], symbols: tuple[str, ...]) -> bool:
    """Whether a universe, as far as there are bars of it, is all symbols in their order."""
    known = set(symbols)
    return tuple(symbol for symbol in universe if symbol in known) == symbols


def _side_by_side(desk: Resolved, bars: Bars) -> tuple[FloatPanel, FloatPanel]:
    shape = (len(desk.seats), len(bars), len(bars.symbols))
    target, confidence = np.full(shape, np.nan), np.zeros(shape)
    column = {symbol: at for at, symbol in enumerate(bars.symbols)}
    for number, seat in enumerate(desk.seats):
        panel = panel_signals(seat, bars)
        columns = [column[symbol] for symbol in seat.universe if symbol in column]
        target[number][:, columns], confidence[number][:, columns] = panel.target, panel.confidence
    return target, confidence
