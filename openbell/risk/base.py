"""What a rule is: one question about one intent, answered with what was measured and the limit."""

from abc import abstractmethod
from decimal import Decimal
from typing import Any, ClassVar

from openbell.plugins import Plugin
from openbell.risk.block import Block, Mask
from openbell.risk.book import Book, known
from openbell.values.fraction import Fraction
from openbell.values.money import floor_to, text
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Decision, Ruling

__all__ = ["Book", "Fraction", "Rule", "known"]


#: How a measure ends that could not be taken.
UNKNOWN = " unknown"


class Rule(Plugin):
    """One limit. A subclass in its own file under ``openbell/risk/rules`` is found by the file's name.

    A rule sees the intent with the quantity that the rules before it left, and a book that already holds what
    was approved before. It answers for every book: what it needs and does not know is a denial.
    """

    #: Place in the gate; rules from elsewhere come last unless they say otherwise.
    order: ClassVar[int] = 500
    #: Field that a plan may set by a bare value, as in ``max_positions = 5``.
    main: ClassVar[str] = ""
    #: Limits on entries do not hold back an intent that only takes off a position.
    applies_to_exits: ClassVar[bool] = False
    #: Whether the answer depends on the account alone and not on the intent: such a rule can be asked early.
    account_wide: ClassVar[bool] = False
    #: The breaker of the job that a denial opens until a person resets it, empty for none.
    latches: ClassVar[str] = ""
    #: Rules whose main value must not be below this rule's main value.
    within: ClassVar[tuple[str, ...]] = ()
    #: Inputs without which the rule denies: fields of the book, in the singular where they are per symbol, and
    #: of the intent. Whatever is not named here does not matter to the rule.
    needs: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        """Whoever judges anew says anew what it clears; until then it clears nothing."""
        super().__init_subclass__(**more)
        if "judge" in cls.__dict__ and "clears" not in cls.__dict__:
            cls.clears = Rule.clears  # type: ignore[method-assign]

    @abstractmethod
    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Allow, clip or deny; pure, and never an exception."""

    def clears(self, block: Block) -> Mask:
        """The slots, shape (S,), in which ``judge`` surely allows every intent whole if the other rules do.

        False is always right: it only means that the slot is judged one intent at a time. A rule that is
        ``account_wide`` answers for the account, whether the slot has intents or not.
        """
        return block.none()

    def allow(self, intent: OrderIntent, measured: str, limit: str) -> Ruling:
        """The intent as it is."""
        return Ruling(self.name, Decision.APPROVED, measured, limit, intent.quantity)

    def deny(self, measured: str, limit: str) -> Ruling:
        """Nothing of it."""
        return Ruling(self.name, Decision.DENIED, measured, limit, Decimal(0))

    def unknown(self, what: str, limit: str) -> Ruling:
        """Nothing of it, because something needed is missing or not finite."""
        return self.deny(f"{what}{UNKNOWN}", limit)

    def up_to(self, intent: OrderIntent, count: int, most: int) -> Ruling:
        """The intent as it is while ``count``, itself included, is not above ``most``; else nothing of it."""
        measured, limit = str(count), str(most)
        return self.allow(intent, measured, limit) if count <= most else self.deny(measured, limit)

    def within_fall(
        self, intent: OrderIntent, equity: Decimal | None, start: Decimal | None, most: Decimal, what: str
    ) -> Ruling:
        """The intent as it is while equity is below ``start``, called ``what``, by less than the fraction ``most``."""
        limit = ratio(most)
        if equity is None or start is None or not (known(equity) and known(start) and start > 0):
            return self.unknown(f"equity or {what}", limit)
        fall = (start - equity) / start
        return self.allow(intent, ratio(fall), limit) if fall < most else self.deny(ratio(fall), limit)

    def clip(self, intent: OrderIntent, book: Book, most: Decimal, measured: str, limit: str) -> Ruling:
        """As much of it as ``most`` holds, in whole steps of the instrument; less than one step is a denial."""
        if not known(most):
            return self.unknown("quantity within the limit", limit)
        if intent.quantity <= most:
            return self.allow(intent, measured, limit)
        step = book.step(intent)
        if step is None:
            return self.unknown(f"instrument {intent.symbol}", limit)
        left = floor_to(most, step) if most > 0 else Decimal(0)
        if left <= 0:
            return self.deny(measured, limit)
        return Ruling(self.name, Decision.CLIPPED, measured, limit, left)


def ratio(value: Decimal) -> str:
    """A ratio to four decimals."""
    return f"{value:.4f}"


def amount(value: Decimal) -> str:
    """Money to the cent."""
    return f"{value:.2f}"


def units(value: Decimal) -> str:
    """A quantity in full."""
    return text(value)
