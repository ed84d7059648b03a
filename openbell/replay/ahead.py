"""The course of a replay: from one slot or look to the next, passing over those at which nothing can happen."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from openbell.calendar.slots import slot_at
from openbell.replay.endings import Endings, close_out
from openbell.replay.exits import Exits
from openbell.replay.grid import bells, place, times_of
from openbell.replay.leap import Leap
from openbell.replay.request import Progress
from openbell.replay.result import Decided
from openbell.replay.screen import ROUNDED, Screen
from openbell.replay.tape import Flags, Indices
from openbell.replay.trading import BLIND, Trading, look
from openbell.stages.sessions import instant_of
from openbell.values.job import ORDERS, TRADE

#: An order for the day meets no later ring than this.
WEEK = timedelta(days=7)
#: The progress is told every so many slots.
TOLD = 512


@dataclass(slots=True, eq=False)
class Course:
    """The loop of a replay; ``notes`` gathers what was closed out."""

    trading: Trading
    exits: Exits
    endings: Endings
    leap: Leap | None = None
    notes: tuple[str, ...] = ()
    screen: Screen = field(init=False)
    _told: int = 0

    def __post_init__(self) -> None:
        fractions = self.trading.broker.capabilities.fractions
        self.screen = Screen(self.trading.desk, self.trading.tape, fractions)

    def run(self, progress: Progress) -> None:
        """Slot by slot to the end of the tape."""
        tape, state, looks = self.trading.tape, self.trading.state, self.exits.at
        slots = tape.slots
        while state.slot < len(slots) or (state.look < len(looks) and self._holds):
            if self._look_next():
                self._looked()
                continue
            self._slots()
            if state.slot - self._told >= TOLD:
                self._told = state.slot
                progress(state.slot, len(slots))
        self._rest(tape.closes[-1])
        self._close(tape.closes[-1])
        progress(len(slots), len(slots))

    @property
    def _holds(self) -> bool:
        return bool(self.trading.state.account.positions)

    # --- looks ---

    def _look_next(self) -> bool:
        """Whether a look of the exits job comes before the next slot; without holdings there is none."""
        tape, state, at = self.trading.tape, self.trading.state, self.exits.at
        slots = tape.slots
        until = slots.times[state.slot] if state.slot < len(slots) else None
        if not self._holds or state.look == len(at):
            return False
        return until is None or bool(at.times[state.look] < until)

    def _looked(self) -> None:
        state, at = self.trading.state, self.exits.at
        now = at.times[state.look]
        self._rest(now)
        self._close(now)
        self.exits.look(state.look)
        state.look += 1

    # --- slots ---

    def _slots(self) -> None:
        """Pass over slots until one needs a look, or one of the exits job comes first."""
        state, slots = self.trading.state, self.trading.tape.slots
        stop = len(slots)
        if self._holds and state.look < len(self.exits.at):
            after = self.exits.at.times[state.look]
            stop = max(state.slot + 1, int(np.searchsorted(slots.times, after, side="right")))
        self._rest(slots.times[state.slot])
        if self._leaps(stop):
            return
        seen = self.screen.ahead(state, stop)
        if seen.passed:
            self._pass(state.slot, state.slot + seen.passed, seen.blind)
        if seen.columns is not None:
            now = slots.times[state.slot]
            self._close(now)
            if not self._holds:
                # What comes next may be bought now: looks before it saw nothing.
                state.look = int(np.searchsorted(self.exits.at.times, now))
            self.trading.slot(state.slot, seen.columns)
            state.slot += 1

    def _leaps(self, stop: int) -> bool:
        """Take as many slots at once as are certain, up to the next one before which something is closed out."""
        state, tape = self.trading.state, self.trading.tape
        if self.leap is None:
            return False
        self._close(tape.slots.times[state.slot])
        ending = min((session for session in self.endings if session >= state.record.done), default=None)
        if ending is not None:
            stop = min(stop, int(np.searchsorted(tape.slots.times, tape.closes[ending])))
        return bool(self.leap.ahead(state, stop))

    def _pass(self, start: int, stop: int, blind: Flags) -> None:
        """Slots that came to a decision and wanted nothing: what they leave is what the account was worth."""
        trading, state = self.trading, self.trading.state
        slots, sessions = trading.tape.slots, trading.tape.slots.session
        state.skips[BLIND] += int(np.count_nonzero(blind))
        seen = np.flatnonzero(~blind) + start
        for part in np.split(seen, np.flatnonzero(np.diff(sessions[seen])) + 1) if self._by_session(seen) else (seen,):
            self._passed(part)
        self._close(slots.times[stop - 1])
        state.slot = stop
        if not state.skips[BLIND]:
            del state.skips[BLIND]

    def _by_session(self, seen: Indices) -> bool:
        """Whether limits of an account that holds nothing may stop slots, so that each session counts by itself."""
        peak = self.trading.state.peak
        return not self._holds and peak is not None and self.trading.state.cash < peak and len(seen) > 0

    def _passed(self, numbers: Indices) -> None:
        trading, state = self.trading, self.trading.state
        if not len(numbers):
            return
        if not self._holds and (code := self._stopped(int(numbers[0]))):
            state.skips[code] += len(numbers)
            return
        state.decided += len(numbers)
        if trading.keep:
            slots = [slot_at(trading.desk.plan, TRADE.name, trading.tape.slots.when[at]) for at in numbers.tolist()]
            state.decisions += [Decided(slot, (), ()) for slot in slots]
        for number in self._worth_knowing(numbers):
            self._value(number)

    def _stopped(self, number: int) -> str:
        """The account's own limits where nothing is held and something was lost."""
        state = self.trading.state
        if state.peak is None or state.cash >= state.peak:
            return ""
        account = replace(state.account, reported_equity=state.cash)
        slots = self.trading.tape.slots
        return self.trading.stopped(self.trading.valued(account, int(slots.session[number])), slots.when[number])

    def _worth_knowing(self, numbers: Indices) -> list[int]:
        """Slots whose equity later losses are measured from: the last two ends of sessions, and the highest."""
        tape, state = self.trading.tape, self.trading.state
        sessions = tape.slots.session[numbers]
        ends = numbers[np.append(np.flatnonzero(np.diff(sessions)), len(numbers) - 1)][-2:]
        if not self._holds:
            return [int(number) for number in ends]
        columns = np.flatnonzero(state.held)
        worth = float(state.cash) + self._prices(numbers, columns) @ state.held[columns]
        slack = ROUNDED * float(np.abs(state.held).sum()) + 0.01
        high: Indices = np.flatnonzero(worth >= max(float(worth.max()) - 2 * slack, float(state.peak or 0) - slack))
        return sorted({int(number) for number in (*ends, *numbers[high])})

    def _prices(self, numbers: Indices, columns: Indices) -> np.ndarray:
        tape = self.trading.tape
        row, forming = tape.slots.row[numbers][:, None], tape.slots.forming[numbers][:, None]
        making = (forming >= 0) & tape.steady[forming, columns]
        prices: np.ndarray = np.where(making, tape.bars.open[forming, columns], tape.bars.close[row, columns])
        return prices

    def _value(self, number: int) -> None:
        """What the account was worth at a slot, exactly."""
        trading, state = self.trading, self.trading.state
        trading.floor.move(trading.tape.slots, number)
        quotes = trading.floor.seen(sorted(state.account.positions))
        if len(quotes) == len(state.account.positions):
            worth = state.account.equity({symbol: quote.mid for symbol, quote in quotes.items()})
            state.valued(int(trading.tape.slots.session[number]), worth)

    # --- between ---

    def _rest(self, until: np.datetime64) -> None:
        """While orders rest, the orders job looks at them by its own schedule."""
        trading, state = self.trading, self.trading.state
        while state.orders:
            tape, after = trading.tape, times_of([trading.floor.now]) + np.timedelta64(1, "us")
            day = trading.floor.now.date()
            first, last = max(tape.sessions[0], day - WEEK), min(tape.sessions[-1], day + WEEK)
            at = bells(trading.desk, ORDERS, after, first, last)
            if not len(at) or at[0] >= until:
                return
            look(trading, place(trading.desk, tape.history, [instant_of(at[0])], tape.closes), 0)

    def _close(self, until: np.datetime64) -> None:
        """Write the curve at the closes up to an instant, and give up what has no prices any more."""
        tape, state = self.trading.tape, self.trading.state
        stop = int(np.searchsorted(tape.closes, until, side="right"))
        for session in range(state.record.done, stop) if self.endings else ():
            for column in self.endings.get(session, ()):
                state.close(tape, session)
                note = close_out(self.trading.desk, tape, state, session, column)
                self.notes += (note,) if note else ()
        state.close(tape, stop)
