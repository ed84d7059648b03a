"""What an exit rule is: one number measured on every position at once, and the limit at which it is closed."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from openbell.exits.holdings import Flags, FloatRow, Holdings
from openbell.plugins import Plugin
from openbell.values.fraction import Fraction
from openbell.values.time import duration_text

__all__ = ["ExitRule", "Flags", "FloatRow", "Fraction", "Holdings", "lasting", "percent"]


#: Seconds beyond which a duration is told as this one.
_LONGEST = 1e13


class ExitRule(Plugin):
    """One reason to close a position. A subclass in its own file under ``openbell/exits/rules`` is found by its name.

    What it needs and does not know is NaN, and NaN closes nothing.
    """

    #: Place in the order of asking; the first rule that fires names the exit. Rules from elsewhere come last.
    order: ClassVar[int] = 500
    #: Field that a plan may set by a bare value, as in ``stop_loss = 0.1``.
    main: ClassVar[str] = ""
    #: Whether the rule is on where a plan does not name it.
    always: ClassVar[bool] = False
    #: Columns of the holdings without which it measures nothing; whatever is not named here does not matter to it.
    needs: ClassVar[tuple[str, ...]] = ()
    #: What is measured, in words.
    measures: ClassVar[str] = ""

    @property
    @abstractmethod
    def limit(self) -> float:
        """The number that closes a position, in the unit of what is measured."""

    @abstractmethod
    def measure(self, held: Holdings) -> FloatRow:
        """Shape (N,), NaN where it is unknown; pure, and never an exception."""

    def reached(self, measured: FloatRow) -> Flags:
        """Which positions are to be closed, shape (N,)."""
        return measured >= self.limit

    def say(self, value: float) -> str:
        """A measured value or the limit in words."""
        return percent(value)

    def resting_stop(self, average: Decimal, long: bool, mode: str) -> Decimal | None:  # noqa: ARG002  # for those
        """The price of a stop order that is to rest at the broker for a position; None for no order.

        ``average`` is the entry price, ``mode`` the plan's: ``paper`` or ``live``.
        """
        return None

    def conflict(self, others: Mapping[str, "ExitRule"]) -> str:  # noqa: ARG002  # for those that have one
        """Why this rule makes no sense beside the others of a plan, by name; empty when it does."""
        return ""

    @property
    def told(self) -> str:
        """The rule as it stands in a plan, and whether anybody wrote it there."""
        value = f" {getattr(self, self.main)}" if self.main else ""
        return f"exits.{self.name}{value}" + ("" if self.model_fields_set or not self.main else " (its default)")


def percent(value: float) -> str:
    """A fraction as a percentage to two decimals."""
    return f"{value:.2%}".replace("%", " %")


def lasting(seconds: float) -> str:
    """A number of seconds as a duration, cut to whole ones."""
    return duration_text(timedelta(seconds=math.floor(min(max(seconds, -_LONGEST), _LONGEST))))
