"""What the venue remembers of one order beyond the order itself, kept as a note with the account."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, ValidationError

from openbell.brokers.paper.fills import Trigger
from openbell.errors import StoreError
from openbell.ports import PaperBook
from openbell.values.money import ZERO


class Progress(BaseModel):
    """An order's way so far: what it holds back, what it has cost, what it has seen.

    ``worth`` is the price at which its rest holds back buying power; ``expires`` is None for an order that
    stays; ``quoted`` is the time of the quote that filled it last, as one quote fills an order once; ``kin`` are the
    client ids of the orders that it stands or falls with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    expires: datetime | None
    worth: Decimal
    fills: int = 0
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    quoted: datetime | None = None
    extreme: Decimal | None = None
    hit: bool = False
    kin: tuple[str, ...] = ()

    @property
    def trigger(self) -> Trigger:
        """The part that the fill model reads."""
        return Trigger(self.extreme, self.hit)


def load(book: PaperBook, client_id: str) -> Progress:
    """The progress of a known order; a note that is gone or broken is a StoreError."""
    try:
        return Progress.model_validate_json(book.note(_key(client_id)) or "")
    except ValidationError as error:
        raise StoreError(f"paper order {client_id} has no readable progress: {error.error_count()} faults") from error


def save(book: PaperBook, client_id: str, progress: Progress) -> None:
    """Keep the progress of an order."""
    book.save_note(_key(client_id), progress.model_dump_json(exclude_defaults=True))


def _key(client_id: str) -> str:
    return f"order:{client_id}"
