"""Tables of the paper broker's memory. They belong to the venue, not to the books, and may change freely."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, Text
from sqlmodel import Field

from openbell.store.columns import Instant, Money, Row, table_of


class PaperAccountRow(Row, table=True):
    """A paper account; ``body`` is the whole account as JSON with exact amounts."""

    __tablename__ = "paper_accounts"

    id: str = Field(primary_key=True)
    body: str = Field(sa_type=Text)


class PaperOrderRow(Row, table=True):
    """An order at the paper venue; ``number`` counts the orders of the account."""

    __tablename__ = "paper_orders"
    __table_args__ = (Index(None, "account", "open", "number"),)

    account: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    number: int
    open: bool
    body: str = Field(sa_type=Text)


class PaperFillRow(Row, table=True):
    """An execution at the paper venue; ``number`` counts the fills of the account."""

    __tablename__ = "paper_fills"
    __table_args__ = (Index(None, "account", "time", "number"),)

    account: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    number: int
    client_id: str
    symbol: str
    side: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal = Field(sa_type=Money)
    fee: Decimal = Field(sa_type=Money)
    time: datetime = Field(sa_type=Instant)


class PaperNoteRow(Row, table=True):
    """A small text kept with the account."""

    __tablename__ = "paper_notes"

    account: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    text: str = Field(sa_type=Text)


PAPER_ACCOUNTS, PAPER_ORDERS = table_of(PaperAccountRow), table_of(PaperOrderRow)
PAPER_FILLS, PAPER_NOTES = table_of(PaperFillRow), table_of(PaperNoteRow)
