"""What a sizer is: from prices and equity to the size of a full position, for all symbols at once."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from openbell.plugins import Plugin
from openbell.values.bars import Bars, FloatPanel


@dataclass(frozen=True, slots=True, eq=False)
class SizingContext:
    """What sizes may depend on. ``prices`` holds the symbols to size, above zero; unknown equity is None."""

    equity: Decimal | None
    prices: Mapping[str, Decimal]
    bars: Bars


class Sizer(Plugin):
    """A subclass in its own file under ``openbell/sizing`` is found by the file's name."""

    #: Whether the size of a symbol depends on equity and on its own price and bars, and not on which others there are.
    apart: ClassVar[bool] = False

    @property
    def lookback(self) -> int:
        """Bars that sizes are taken from, 0 for a sizer that looks at prices only."""
        return 0

    @abstractmethod
    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Quantity of a full position (|target| = 1) by symbol, not negative and not rounded.

        A symbol that cannot be sized is absent; what it needs and does not know is never guessed.
        """

    def measured(self, bars: Bars) -> FloatPanel | None:  # noqa: ARG002  # for those that look at bars
        """What sizes depend on beside equity and prices, after each bar, shape (T, N), NaN where it is unknown."""
        return None

    def rough(
        self,
        equity: FloatPanel,  # noqa: ARG002  # for those that can
        prices: FloatPanel,  # noqa: ARG002
        measured: FloatPanel | None,  # noqa: ARG002
    ) -> FloatPanel | None:
        """The same for many instants, in floats: equity (c, 1), prices and what was measured (c, N) to sizes (c, N).

        A replay looks there for instants at which nothing is to be done; None, or NaN for a symbol, where it cannot be
        told so.
        """
        return None
