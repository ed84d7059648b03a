"""What can differ between the books and the broker: by cause, with what follows from each."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from openbell.values.money import ZERO


class Cause(StrEnum):
    """Why the books and the broker differ; the kind of a break."""

    MISSED_STATUS = "MISSED_STATUS"
    MISSED_FILL = "MISSED_FILL"
    LATE_FILL = "LATE_FILL"
    BUST = "BUST"
    CORRECTION = "CORRECTION"
    STATUS = "STATUS"
    FOREIGN_TRADE = "FOREIGN_TRADE"
    UNKNOWN_PREFIX = "UNKNOWN_PREFIX"
    STATE_ROLLBACK = "STATE_ROLLBACK"
    MISSING_POSITION = "MISSING_POSITION"
    SPLIT = "SPLIT"
    DUPLICATE = "DUPLICATE"
    CASH = "CASH"
    ACCOUNT_RESET = "ACCOUNT_RESET"
    UNKNOWN = "POSITIONS_UNKNOWN"


class Area(StrEnum):
    """What of the account a break is about."""

    ORDER = "order"
    FILL = "fill"
    POSITION = "position"
    CASH = "cash"
    ACCOUNT = "account"


class NonTrade(StrEnum):
    """What moved cash without a trade. Only the first two are money of the owner: they are no profit and no loss."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    FEE = "fee"
    CORRECTION = "correction"

    @property
    def flow(self) -> bool:
        """Whether it is left out of profit and loss."""
        return self in (NonTrade.DEPOSIT, NonTrade.WITHDRAWAL)


@dataclass(frozen=True, slots=True)
class Activity:
    """What the venue itself says that it took or gave without an order; ``id`` is its own, and it is booked once.

    Either ``cash`` moved, or a ``quantity`` of the symbol, as by fees that are taken in what was bought; both signed.
    """

    id: str
    kind: NonTrade
    time: datetime
    cash: Decimal = ZERO
    symbol: str = ""
    quantity: Decimal = ZERO
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a cause means and what follows: ``repair`` is proposed, and applied at once where it is ``automatic``.

    ``books`` tells that accepting such a break writes an adjustment; otherwise it only closes it.
    """

    area: Area
    means: str
    repair: str
    automatic: bool = False
    books: bool = False


TREATMENTS = {
    Cause.MISSED_STATUS: Treatment(
        Area.ORDER, "an order ended and nobody wrote it down", "take the broker's state", automatic=True
    ),
    Cause.MISSED_FILL: Treatment(
        Area.FILL, "an order of ours was executed and nobody wrote it down", "apply the fill", automatic=True
    ),
    Cause.LATE_FILL: Treatment(
        Area.FILL, "an execution of an order that had ended", "apply the fill, keep the state", automatic=True
    ),
    Cause.BUST: Treatment(
        Area.FILL, "the venue took an execution back", "reverse the fill, keep its row", automatic=True
    ),
    Cause.CORRECTION: Treatment(
        Area.FILL,
        "the venue corrected an execution of an order that had ended",
        "reverse the fill, apply the corrected one",
        automatic=True,
    ),
    Cause.STATUS: Treatment(
        Area.ORDER, "the broker says what the books cannot take", "look the order up there, then accept"
    ),
    Cause.FOREIGN_TRADE: Treatment(
        Area.POSITION, "a trade that is not ours, as by hand", "accept it as external, or adopt it", books=True
    ),
    Cause.UNKNOWN_PREFIX: Treatment(
        Area.ORDER, "an id of ours that this store never had", "find the other store, then accept", books=True
    ),
    Cause.STATE_ROLLBACK: Treatment(
        Area.ACCOUNT, "this store is an older copy of itself", "restore the newer one, or accept and resume"
    ),
    Cause.MISSING_POSITION: Treatment(
        Area.POSITION, "in the books, not at the broker, and no trade tells why", "accept that it is gone", books=True
    ),
    Cause.SPLIT: Treatment(
        Area.POSITION, "quantity and price moved by one ratio", "accept: quantities change, cost stays", books=True
    ),
    Cause.DUPLICATE: Treatment(
        Area.FILL, "one execution stands in the books twice", "accept: one of the two is taken out", books=True
    ),
    Cause.CASH: Treatment(
        Area.CASH, "cash moved without a trade", "accept it as what it was, such as a deposit", books=True
    ),
    Cause.ACCOUNT_RESET: Treatment(
        Area.ACCOUNT, "every position is gone and cash is another", "accept each break, then resume"
    ),
    Cause.UNKNOWN: Treatment(
        Area.ACCOUNT, "no whole answer for more than two intervals", "wait, or look at the broker", automatic=True
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference that was found. ``subject`` names the fill, order or symbol; the same one counts once while open.

    ``quantity`` (signed), ``price`` and ``cash`` are what would bring the books to the broker's word; None where
    nothing would, or where a price is not known. A split has no price: the cost of the position stays.
    """

    cause: Cause
    subject: str
    symbol: str
    detail: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    cash: Decimal | None = None

    @property
    def key(self) -> str:
        """What makes two differences the same."""
        return f"{self.cause} {self.subject}"
