"""Symbols whose data ends: what is held of them is closed out at the last price that there was."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np

from openbell.brokers.paper.fills import tick_at
from openbell.replay.ledger import execute, move
from openbell.replay.state import State
from openbell.replay.tape import Tape
from openbell.stages.check_bars import MAX_GAP
from openbell.stages.resolve import Resolved
from openbell.stages.sessions import instant_of
from openbell.values.money import ZERO, to_decimal
from openbell.values.orders import Fill, Side

#: By the numbers of a session, the columns that are given up when it closes.
Endings = dict[int, tuple[int, ...]]


def endings_of(desk: Resolved, tape: Tape) -> Endings:
    """When each symbol without a bar is given up: at the close of the session after as many as are carried.

    Later bars do not count, so that a replay that ends earlier does the same until then.
    """
    newest = tape.history.newest
    own = (newest == np.arange(len(newest), dtype=np.int32)[:, None]) | (newest < 0)
    if bool(own.all()) and bool((np.diff(tape.last) > 0).all()):
        return {}  # no bar is missing anywhere
    market, sessions = desk.exchange, len(tape.sessions)
    back = market.session_dates(market.first, tape.sessions[-1])[-sessions - MAX_GAP - 1 :]
    closes = market.session_bounds(back[0].item(), back[-1].item())[1]
    # The close that the newest bar must come after, for each session; the calendar may begin too late for the first.
    bound = np.concatenate((np.full(sessions, np.datetime64(0, "ns")), closes))[-sessions - MAX_GAP - 1 :][:sessions]
    newest = tape.history.newest[tape.last]
    known = (newest >= 0) & (tape.last >= 0)[:, None]
    gone = known & (tape.bars.times[newest] <= bound[:, None])
    fresh = gone.copy()
    fresh[1:] &= ~gone[:-1]
    found: dict[int, list[int]] = {}
    for session, column in np.argwhere(fresh).tolist():
        found.setdefault(session, []).append(column)
    return {session: tuple(columns) for session, columns in found.items()}


def close_out(desk: Resolved, tape: Tape, state: State, session: int, column: int) -> str:
    """Close what is held of a symbol at its last close, without fee; what was done, empty for nothing."""
    symbol, held = tape.symbols[column], state.account.quantity(tape.symbols[column])
    if not held:
        return ""
    close = to_decimal(float(tape.bars.close[tape.last[session], column]))
    price = max(close.quantize(tick_at(close)), tick_at(close))
    name = f"closed-out-{symbol}-{tape.sessions[session]}"
    side = Side.SELL if held > 0 else Side.BUY
    when = instant_of(tape.closes[session]) - timedelta(microseconds=1)
    fill = Fill(name, name, symbol, side, abs(held), price, Decimal(0), when)
    for number, seat in enumerate(desk.seats):
        move(state, seat.label, symbol, -state.book(seat.label, symbol), number, column)
    after = state.account.apply(fill)
    execute(state, column, fill, exits=False)
    state.account = replace(after, positions={s: p for s, p in after.positions.items() if p.quantity != ZERO})
    ended = tape.bars.times[tape.history.newest[tape.last[session], column]]
    return (
        f"{symbol}: its data ends with the bar of {ended.astype('datetime64[D]')}; {abs(held).normalize():f} that were "
        f"{'held' if held > 0 else 'short'} are closed out at the last close, {price}, on {tape.sessions[session]}"
    )
