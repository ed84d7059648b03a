"""Which slots need a look: those at which an order could come to be, told in floats and never too few.

Sizes are compared with a margin for what floats and the rounding of quotes may hide, so that a slot is passed over only
when the exact decision could not differ from doing nothing.
"""

from dataclasses import dataclass

import numpy as np

from openbell.replay.state import State
from openbell.replay.tape import Flags, Floats, Tape
from openbell.stages.due import goes_by_looks
from openbell.stages.resolve import Resolved
from openbell.values.bars import FloatPanel
from openbell.values.money import STEP

#: How far the middle of a quote may lie from the price that it was made of, in money; and what floats may hide.
ROUNDED, NOISE = 0.0051, 1e-9
#: Slots that are screened at once.
MOST = 256


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """``passed`` slots need nothing; ``columns`` (N,) are the symbols to look at in the next one, None for none.

    ``blind`` says of each slot that was passed whether no symbol at all could be decided on.
    """

    passed: int
    blind: Flags
    columns: Flags | None


class Screen:
    """Looks ahead from slot to slot; what it may not judge it lets through."""

    __slots__ = ("_always", "_chunk", "_desk", "_measured", "_step", "_tape", "_weights")

    def __init__(self, desk: Resolved, tape: Tape, fractions: bool) -> None:
        self._desk = desk
        self._tape = tape
        self._weights: FloatPanel = np.array([seat.weight for seat in desk.seats])[:, None, None]
        self._step = float(STEP) if fractions else 1.0
        self._always = goes_by_looks(desk.plan) or not desk.sizer.apart
        self._measured = None if self._always else desk.sizer.measured(tape.bars)
        self._chunk = 1

    def ahead(self, state: State, stop: int) -> Screened:
        """From the state's slot on, up to ``stop``, with holdings as they are."""
        start = state.slot
        end = min(stop, start + self._chunk)
        fit, prices = self._seen(start, end)
        wanted = self._acting(state, start, end, fit, prices)
        hit, blind = np.logical_or.reduce(wanted, axis=1), ~np.logical_or.reduce(fit, axis=1)
        if not hit.any():
            self._chunk = min(MOST, self._chunk * 4)
            return Screened(end - start, blind, None)
        at = int(hit.argmax())
        self._chunk = max(1, at // 2)
        return Screened(at, blind[:at], wanted[at])

    def _seen(self, start: int, end: int) -> tuple[Flags, FloatPanel]:
        """What a run decides on and the prices that it meets, (c, N) each."""
        tape, at, history = self._tape, self._tape.slots, self._tape.history
        row, forming = at.row[start:end], at.forming[start:end]
        fit = history.fit[row] & (tape.clock[history.newest[row]] >= at.least[start:end, None])
        fit &= (row >= 0)[:, None]
        making = (forming >= 0)[:, None] & tape.steady[forming]
        prices: FloatPanel = np.where(making, tape.bars.open[forming], tape.bars.close[row])
        return fit, prices

    def _acting(self, state: State, start: int, end: int, fit: Flags, prices: FloatPanel) -> Flags:
        row = self._tape.slots.row[start:end]
        opinion = self._tape.target[:, row]
        speaks = ~np.isnan(opinion) & fit
        asked: Flags = np.logical_or.reduce(speaks, axis=0)
        if self._always or state.orders:
            return self._everything(asked, fit)
        equity = float(state.cash) + np.where(state.held == 0, 0.0, state.held * prices).sum(axis=1)
        measured = None if self._measured is None else self._measured[row]
        sizes = self._desk.sizer.rough(equity[:, None], prices, measured)
        if sizes is None:
            return asked
        change = self._change(state, opinion, speaks, sizes)
        share = np.where(speaks, np.abs(self._weights * opinion), 0.0).sum(axis=0)
        slack = share * np.abs(sizes) * self._error(state, prices, equity[:, None]) + NOISE
        return asked & self._orders(change, slack, prices, state.held)

    def _everything(self, asked: Flags, fit: Flags) -> Flags:
        """Slots that are decided whole, also without an opinion: looks are counted."""
        every: Flags = fit if self._always else asked | fit
        return every

    def _change(self, state: State, opinion: FloatPanel, speaks: Flags, sizes: FloatPanel) -> FloatPanel:
        """What all books are to change by, (c, N)."""
        booked = state.booked[:, None, :]
        aim = np.where(opinion == 0, 0.0, self._weights * opinion * sizes)
        moved: FloatPanel = np.where(speaks, aim - booked, 0.0).sum(axis=0)
        return moved

    def _error(self, state: State, prices: FloatPanel, equity: Floats) -> FloatPanel:
        """By what part a size may be off."""
        with np.errstate(divide="ignore", invalid="ignore"):
            off = ROUNDED / prices + ROUNDED * np.abs(state.held).sum() / np.maximum(np.abs(equity), 1.0) + NOISE
        safe: FloatPanel = np.nan_to_num(off, nan=1.0, posinf=1.0)
        return safe

    def _orders(self, change: FloatPanel, slack: FloatPanel, prices: FloatPanel, held: Floats) -> Flags:
        """Where a change is worth an order: a whole step, and the smallest trade unless something is closed."""
        size = np.abs(change) + slack
        large = size * (prices + ROUNDED) >= float(self._desk.plan.sizing.min_trade) * (1 - NOISE)
        closing = change * held < 0
        worth: Flags = (size >= self._step * (1 - NOISE)) & (large | closing) & ((change != 0) | (slack > NOISE))
        return worth | np.isnan(size)
