"""What the risk gate said, rule by rule."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class NoTrade(StrEnum):
    """Why a symbol with signals led to no order."""

    HOLD = "HOLD"
    AT_TARGET = "AT_TARGET"
    NO_PRICE = "NO_PRICE"
    BELOW_MIN_TRADE = "BELOW_MIN_TRADE"
    ZERO = "ZERO"
    NOT_TRADABLE = "NOT_TRADABLE"


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A symbol that got no intent: the code, and the numbers behind it in words."""

    symbol: str
    code: NoTrade
    detail: str


class Decision(StrEnum):
    """Outcome of a rule or of the whole gate."""

    APPROVED = "approved"
    CLIPPED = "clipped"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule's word on one intent: what it measured against which limit, as text fit to be read.

    ``quantity`` is what the rule leaves: the full quantity, less (clipped), or zero (denied).
    """

    rule: str
    decision: Decision
    measured: str
    limit: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's word on one intent: the rule that decided and every ruling on the way.

    ``quantity`` is what may be sent: never more than asked for, zero when denied.
    """

    intent_id: str
    symbol: str
    decision: Decision
    rule: str
    measured: str
    limit: str
    asked: Decimal
    quantity: Decimal
    rulings: tuple[Ruling, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.quantity <= self.asked:
            raise ValueError(f"verdict on {self.intent_id} raises {self.asked} to {self.quantity}")
