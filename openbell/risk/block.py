"""Many slots at once, as they would be if the gate let everything through: what rules clear beforehand.

Money is float64 here, and a float proves nothing at a limit. So each amount is a bound on the safe side, each
comparison leaves ``SLACK``, and NaN clears nothing. What is not cleared is no denial: the gate then judges that slot.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openbell.ports import Capabilities
from openbell.values.instrument import Instrument

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Places = NDArray[np.intp]

#: Room that every comparison leaves, as a part of both sides; far above the error of a few operations.
SLACK = 1e-12
#: Amounts beyond these are no amounts of any market and count as unknown.
_LARGEST, _SMALLEST = 1e15, 1e-12
_NOBODY = "X"
_AMOUNTS = (
    "price",
    "reference",
    "quantity",
    "spread",
    "reach",
    "equity",
    "power",
    "start",
    "peak",
    "gross",
    "high",
    "low",
)


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """One instrument of each kind, and the kind of each symbol, (N,); None where there is no instrument.

    Those of one kind differ in their symbols at most.
    """

    one: tuple[Instrument | None, ...]
    of: Places


def kinds_of(symbols: Sequence[str], instruments: Mapping[str, Instrument]) -> Kinds:
    """As few kinds as there are."""
    found: dict[Instrument | None, int] = {}
    listed = [instruments.get(symbol) for symbol in symbols]
    bare = [None if known is None else replace(known, symbol=_NOBODY) for known in listed]
    of = np.array([found.setdefault(facts, len(found)) for facts in bare], np.intp)
    return Kinds(tuple(found), of)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """S slots with K intents, which rise by slot: market orders for the day, simple, each of a symbol of ``symbols``.

    Of an intent, shape (K,): ``slot`` and ``column`` are its places, ``sign`` is +1 for a buy and -1 for a sale,
    ``quantity`` a multiple of 1e-9, rounded correctly, ``entry`` whether its purpose is one. ``leaves`` is true where
    it is none and surely takes off a position and no more. ``lots`` and ``steps`` are true where the quantity surely
    is a whole number of lots, or of steps, of the instrument. ``price`` is the current one and ``reference`` the one
    that sized it. ``reach`` is the value of the position before it in its own direction, at most. ``opens`` is true
    where it may take up a place of its own. ``repeats`` is true where its symbol and side may be in the duplicate
    window or in its slot a second time, ``meets`` where an open order of the other side may rest. ``age`` is that of
    its price in seconds.

    Of a slot, shape (S,), before its entries and after whatever leaves: ``equity`` and ``power`` (what may still be
    bought) at least, ``start`` (equity at the open), ``peak``, ``gross``, ``high`` and ``low`` (net exposure, at most
    and at least), ``occupied`` (places taken) at most, ``today`` and ``minute`` the orders before it of the day and of
    its last 60 seconds. ``alike`` are the kinds of the instruments where somebody has them already.
    """

    slots: int
    symbols: tuple[str, ...]
    instruments: Mapping[str, Instrument]
    capabilities: Capabilities
    currency: str
    breaks: Mapping[str, str]
    quote_limit: timedelta
    slot: Places
    column: Places
    sign: Floats
    quantity: Floats
    entry: Mask
    leaves: Mask
    lots: Mask
    steps: Mask
    price: Floats
    reference: Floats
    confidence: Floats
    age: Floats
    spread: Floats
    reach: Floats
    opens: Mask
    repeats: Mask
    meets: Mask
    equity: Floats
    power: Floats
    start: Floats
    peak: Floats
    gross: Floats
    high: Floats
    low: Floats
    occupied: NDArray[np.int64]
    today: NDArray[np.int64]
    minute: NDArray[np.int64]
    alike: Kinds = field(default_factory=lambda: Kinds((), np.empty(0, np.intp)))
    value: Floats = field(init=False)
    cost: Floats = field(init=False)

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            amounts = getattr(self, name)
            object.__setattr__(self, name, np.where(np.abs(amounts) < _LARGEST, amounts, np.nan))
        for name in ("price", "reference", "quantity"):
            amounts = getattr(self, name)
            object.__setattr__(self, name, np.where(amounts > _SMALLEST, amounts, np.nan))
        if not self.alike.one:
            own = tuple(self.instruments.get(symbol) for symbol in self.symbols)
            object.__setattr__(self, "alike", Kinds(own, np.arange(len(own))))
        object.__setattr__(self, "value", self.quantity * self.price)
        object.__setattr__(self, "cost", self.quantity * np.maximum(self.price, self.reference))

    def none(self) -> Mask:
        """No slot is cleared."""
        return np.zeros(self.slots, np.bool_)

    def every(self, good: Mask) -> Mask:
        """Slots all of whose intents are good; those without any are."""
        cleared = np.ones(self.slots, np.bool_)
        cleared[self.slot[~good]] = False
        return cleared

    def entries(self, good: Mask) -> Mask:
        """The same for a rule that is not asked about what leaves."""
        return self.every(good | self.leaves)

    def quiet(self) -> Mask:
        """Slots in which no rule for entries is asked anything."""
        return self.every(self.leaves)

    def added(self, values: Floats, sign: float = 0.0) -> Floats:
        """Sum over whatever does not leave in each slot, of one sign or (0) of both; shape (S,)."""
        counted = ~self.leaves if sign == 0 else ~self.leaves & (self.sign == sign)
        return np.bincount(self.slot[counted], values[counted], self.slots).astype(np.float64)

    def count(self, which: Mask | None = None) -> NDArray[np.int64]:
        """Intents of each slot, all or some; shape (S,)."""
        counted: NDArray[np.int64] = np.bincount(self.slot if which is None else self.slot[which], minlength=self.slots)
        return counted

    def kinds(self, ask: Callable[[Instrument | None], float | bool]) -> NDArray[Any]:
        """A question about an instrument whatever its symbol, asked once for each kind; shape (K,)."""
        return np.array([ask(one) for one in self.alike.one])[self.alike.of[self.column]]

    @property
    def complete(self) -> bool:
        """Whether every symbol has an instrument."""
        return None not in self.alike.one

    def each(self, fine: Callable[[str, Instrument | None], bool]) -> Mask:
        """A question about a symbol and its instrument, asked once for each; shape (K,)."""
        said = [fine(symbol, self.instruments.get(symbol)) for symbol in self.symbols]
        answers: Mask = np.array(said, np.bool_)[self.column]
        return answers


def within(amount: Floats, limit: Floats | float) -> Mask:
    """Where an amount is surely at most its limit."""
    sure: Mask = amount + SLACK * np.abs(amount) <= limit - SLACK * np.abs(limit)
    return sure
