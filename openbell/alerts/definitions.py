"""What an alert file may hold: levels and changes that fire once, and rules that are judged once per bar."""

import re
from abc import ABC, abstractmethod
from decimal import Decimal
from functools import cached_property
from typing import Annotated

from pydantic import ConfigDict, Field, field_validator, model_validator

from openbell.alerts.parser import parse
from openbell.alerts.tree import Node
from openbell.values import canonical
from openbell.values.instrument import check_symbol
from openbell.values.money import text
from openbell.values.part import Part, told
from openbell.values.plan import MAX_SYMBOLS

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,59}$")
#: Bars that are asked for at least, whatever the rules need.
LOOKBACK = 200
#: More alerts than that in one file are a mistake.
MAX_ALERTS = 5_000

Percent = Annotated[Decimal, Field(gt=-100, le=10_000)]
Distance = Annotated[Decimal, Field(gt=0, lt=100)]


class Alert(Part):
    """What all alerts have in common."""

    name: str = Field(description="1 to 60 of a-z, 0-9 and -, starting with a letter; no other alert may have it.")
    enabled: bool = Field(True, description="An alert that is not enabled is checked and never judged.")
    note: str = Field("", max_length=500, description="Words for those who get the message.")

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not _NAME.match(name):
            raise ValueError(f"{name[:60]!r} is not 1 to 60 of a-z, 0-9 and -, starting with a letter")
        return name

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides when it fires, in hex; another one begins anew."""
        words = {"note", "enabled"}
        return canonical.digest({"kind": type(self).__name__, **self.model_dump(mode="json", exclude=words)})


class Watch(Alert, ABC):
    """An alert on the price of one symbol, judged on a fresh quote at every look."""

    symbol: str = Field(description="One symbol of the plan.")

    @field_validator("symbol")
    @classmethod
    def _known(cls, symbol: str) -> str:
        return told(check_symbol, symbol)

    @property
    def since(self) -> int:
        """Bars back to the close from which a change in percent is counted; 0 where the price itself is judged."""
        return 0

    @abstractmethod
    def reached(self, value: Decimal) -> bool:
        """Whether the price (or the change, in percent) is where the alert fires."""

    @abstractmethod
    def returned(self, value: Decimal) -> bool:
        """Whether it has come back far enough for the alert to fire once more."""

    @abstractmethod
    def says(self, value: Decimal) -> str:
        """The value beside the line that was drawn, in words."""


class Level(Watch):
    """A price that must be passed."""

    price: Decimal = Field(gt=0, description="The level, in the currency of the symbol.")
    rearm_distance: Distance | None = Field(
        None, description="Percent of the level by which the price must come back; default: fires once."
    )

    def says(self, value: Decimal) -> str:
        """Price and level."""
        return f"price {text(value)}, level {text(self.price)}"


class Above(Level):
    """Fires when the price is above a level."""

    def reached(self, value: Decimal) -> bool:
        """Above, not at it."""
        return value > self.price

    def returned(self, value: Decimal) -> bool:
        """Below by the distance."""
        return self.rearm_distance is not None and value <= self.price * (1 - self.rearm_distance / 100)


class Below(Level):
    """Fires when the price is below a level."""

    def reached(self, value: Decimal) -> bool:
        """Below, not at it."""
        return value < self.price

    def returned(self, value: Decimal) -> bool:
        """Above by the distance."""
        return self.rearm_distance is not None and value >= self.price * (1 + self.rearm_distance / 100)


class Change(Watch):
    """Fires when the price has moved by a percentage since the close of an earlier bar."""

    percent: Percent = Field(description="Fires at this change or beyond; below 0 for a fall.")
    bars: int = Field(1, ge=1, le=LOOKBACK, description="Since the close of this many complete bars ago.")
    rearm_distance: Distance | None = Field(
        None, description="Percentage points by which the change must come back; default: fires once."
    )

    @field_validator("percent")
    @classmethod
    def _some(cls, percent: Decimal) -> Decimal:
        if not percent:
            raise ValueError("a change of 0 percent is always there")
        return percent

    @property
    def since(self) -> int:
        """Bars back."""
        return self.bars

    def reached(self, value: Decimal) -> bool:
        """At the percentage or beyond."""
        return value >= self.percent if self.percent > 0 else value <= self.percent

    def returned(self, value: Decimal) -> bool:
        """Nearer to 0, or beyond it, by the distance."""
        if self.rearm_distance is None:
            return False
        if self.percent > 0:
            return value <= self.percent - self.rearm_distance
        return value >= self.percent + self.rearm_distance

    def says(self, value: Decimal) -> str:
        """Change, where it is counted from, and the line."""
        close = "the last close" if self.bars == 1 else f"the close {self.bars} bars ago"
        return f"{value:+.2f}% since {close}, line {text(self.percent)}%"


class Rule(Alert):
    """Fires when an expression comes to hold at the last complete bar; judged for each symbol, once per bar."""

    when: str = Field(description="The expression, such as rsi(14) < 30 and close > sma(200).")
    symbols: tuple[str, ...] = Field((), max_length=MAX_SYMBOLS, description="Symbols; default the plan's.")
    rearm_when: str = Field(
        "", description="May fire again after this expression held; default: when it holds no more."
    )
    rearm_after: int | None = Field(None, ge=1, le=5_000, description="May fire again this many bars later.")
    once: bool = Field(False, description="Fires once for each symbol and never again.")

    @field_validator("symbols")
    @classmethod
    def _known(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            told(check_symbol, symbol)
        if len(set(symbols)) != len(symbols):
            raise ValueError("a symbol stands twice")
        return symbols

    @field_validator("when", "rearm_when")
    @classmethod
    def _parsed(cls, written: str) -> str:
        if written:
            told(parse, written)
        return written

    @field_validator("when")
    @classmethod
    def _given(cls, written: str) -> str:
        if not written.strip():
            raise ValueError("the expression is empty")
        return written

    @model_validator(mode="after")
    def _consistent(self) -> "Rule":
        ways = {"rearm_when": bool(self.rearm_when), "rearm_after": self.rearm_after is not None, "once": self.once}
        given = [name for name, is_given in ways.items() if is_given]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} contradict each other: give one of them")
        if self.rearm_when and self.rearm == self.tree:
            raise ValueError("rearm_when is the same as when: it could never fire and be armed again by it")
        return self

    @property
    def tree(self) -> Node:
        """The expression as a tree."""
        return parse(self.when)

    @property
    def rearm(self) -> Node | None:
        """The expression that arms it again, None when there is none."""
        return parse(self.rearm_when) if self.rearm_when else None

    @property
    def bars(self) -> int:
        """How many bars of history its expressions need."""
        return max(self.tree.bars, self.rearm.bars if self.rearm else 1)

    @property
    def history(self) -> int:
        """How many bars it must see: also those that must go by before it fires again."""
        return max(self.bars, (self.rearm_after or 0) + 1)


class AlertFile(Part):
    """One file of alerts, all on the symbols and prices of one plan."""

    model_config = ConfigDict(title="Alerts of openbell")

    plan: str = Field(description="Name of the plan whose symbols, bars and quotes are watched.")
    above: tuple[Above, ...] = Field((), description="[[above]]: the price is above a level.")
    below: tuple[Below, ...] = Field((), description="[[below]]: the price is below a level.")
    change: tuple[Change, ...] = Field((), description="[[change]]: the price has moved by a percentage.")
    rule: tuple[Rule, ...] = Field((), description="[[rule]]: an expression holds at the last bar.")

    @property
    def watches(self) -> tuple[Above | Below | Change, ...]:
        """The alerts on prices."""
        return (*self.above, *self.below, *self.change)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All of them."""
        return (*self.watches, *self.rule)

    @model_validator(mode="after")
    def _bounded(self) -> "AlertFile":
        if len(self.alerts) > MAX_ALERTS:
            raise ValueError(f"{len(self.alerts)} alerts are above the limit of {MAX_ALERTS} for a file")
        return self
