"""The leap: many slots at once, as if the gate let everything through, up to the first at which that is not certain.

Where sizes do not depend on the account, what would be held follows from the opinions alone: by array operations, money
in whole ten-thousandths. What the rules of the plan and the paper account surely let pass is booked; the next slot is
left to the exact loop. So a replay with the leap and one without it come to the same.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

import numpy as np

from openbell.brokers.paper.settings import PaperTerms
from openbell.ports import MarketFeed, Touching
from openbell.replay.leap_books import book
from openbell.replay.leap_gate import Worth, certain, worth_of
from openbell.replay.leap_walk import DIGITS, Scale, Venue, Walk, walk
from openbell.replay.state import State
from openbell.replay.tape import Tape
from openbell.risk.block import kinds_of
from openbell.sizing.fixed_quantity import FixedQuantity
from openbell.stages.due import goes_by_looks
from openbell.stages.resolve import Resolved
from openbell.values.account import Account
from openbell.values.instrument import Instrument
from openbell.values.money import to_decimal
from openbell.values.touches import scaled

_exact = lru_cache(maxsize=64)(to_decimal)
#: Cells of a stretch at most, and the shortest stretch after one in which nothing was certain.
CELLS, SHORT = 400_000, 4
#: After n failures in a row, 2^n slots pass before the next try, n at most this.
PATIENCE = 5


@dataclass(slots=True, eq=False)
class Leap:
    """From slot to slot as far as it is certain; ``taken`` counts what it went over."""

    desk: Resolved
    tape: Tape
    venue: Venue
    full: Decimal
    taken: int = 0
    _length: int = CELLS
    _failed: int = 0
    _again: int = 0
    _left: tuple[Account, Scale] | None = None

    def ahead(self, state: State, stop: int) -> int:
        """Go on from the state's slot, at most to ``stop``; how many slots were taken, 0 for none."""
        if state.slot < self._again or state.orders or (scale := self._scale(state)) is None:
            return 0
        longest = max(SHORT, CELLS // max(1, len(self.tape.symbols)))
        self._length = min(self._length, longest)
        start, end = state.slot, min(stop, state.slot + self._length)
        steps = walk(self.desk, self.tape, self.venue, scale, start, end)
        worth = worth_of(steps)
        sure = 0 if worth is None else self._sure(state, steps, worth)
        if worth is not None and sure:
            book(self.desk, self.tape, state, (steps, worth), sure)
            held = steps.after[sure - 1].copy()
            self._left = state.account, replace(scale, held=held, cash=state.cash)
        self._length = min(longest, self._length * 4) if sure == end - start else max(SHORT, 2 * sure)
        self._failed = 0 if sure else min(self._failed + 1, PATIENCE)
        self._again = start + sure + (0 if sure else 2**self._failed)
        self.taken += sure
        return sure

    def _sure(self, state: State, steps: Walk, worth: Worth) -> int:
        """How many slots from the first on are certain."""
        fine = certain(self.desk, self.tape, self.venue, state, (steps, worth))
        return len(fine) if fine.all() else int(fine.argmin())

    def _scale(self, state: State) -> Scale | None:
        """Quantities and money as whole numbers; None where they are not, or books and account differ."""
        if self._left is not None and self._left[0] is state.account:
            return self._left[1]  # as the leap before this one left it
        held = {symbol: position.quantity for symbol, position in state.account.positions.items()}
        label = self.desk.seats[0].label
        if any(state.books.get((label, symbol)) != quantity for symbol, quantity in held.items()):
            return None
        if len(state.books) != len(held):
            return None
        digits = max((_decimals(amount) for amount in (self.full, *held.values())), default=0)
        if digits > (DIGITS if self.venue.fractions else 0):
            return None
        start = np.zeros(len(self.tape.symbols), np.int64)
        for symbol, quantity in held.items():
            start[self.venue.columns[symbol]] = int(quantity.scaleb(digits))
        return Scale(digits, start, int(self.full.scaleb(digits)), state.cash)


def leap(desk: Resolved, tape: Tape, feed: MarketFeed, terms: PaperTerms, keep: bool) -> Leap | None:
    """The leap of a replay, None where it could not be sure of anything."""
    sizer, slippage = desk.sizer, scaled(terms.slippage_bps)
    alone = len(desk.seats) == 1 and not goes_by_looks(desk.plan) and not keep
    if not (alone and isinstance(sizer, FixedQuantity) and isinstance(feed, Touching)):
        return None
    if slippage is None or terms.fill_share != 1 or not len(tape.slots):
        return None
    full = _exact(desk.seats[0].weight) * sizer.quantity
    columns = {symbol: at for at, symbol in enumerate(tape.symbols)}
    order = np.argsort(np.array(tape.symbols))
    alphabet = np.empty(len(order), np.intp)
    alphabet[order] = np.arange(len(order))
    instruments = {symbol: _instrument(symbol, terms) for symbol in tape.symbols}
    alike = kinds_of(tape.symbols, instruments)
    return Leap(desk, tape, Venue(feed, terms, slippage, instruments, columns, alphabet, alike), full)


def _instrument(symbol: str, terms: PaperTerms) -> Instrument:
    """As the paper account tells it of what trades; its tick matters to limit prices only."""
    return Instrument(
        symbol=symbol,
        asset_class="crypto" if "/" in symbol else "equity",
        venue="paper",
        currency=terms.currency,
        fractionable=terms.fractions,
        shortable=terms.shorting,
        max_leverage=terms.leverage,
    )


def _decimals(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else DIGITS + 1
