"""Tables of the exits job: prices seen since a position was opened, and when it last looked."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column
from sqlmodel import Field

from openbell.store.columns import Instant, Money, Row, Sequence, table_of


class ExitMarkRow(Row, table=True):
    """Highest and lowest price seen in a plan's position since it was ``opened``; None until a price was seen."""

    __tablename__ = "exit_marks"

    account: str = Field(primary_key=True)
    plan: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    opened: datetime = Field(sa_type=Instant)
    high: Decimal | None = Field(default=None, sa_type=Money)
    low: Decimal | None = Field(default=None, sa_type=Money)


class ExitTickRow(Row, table=True):
    """The last look at the positions of a plan, and the newest fill of the account that it knew of."""

    __tablename__ = "exit_ticks"

    account: str = Field(primary_key=True)
    plan: str = Field(primary_key=True)
    time: datetime = Field(sa_type=Instant)
    fill: int = Field(sa_column=Column(Sequence, nullable=False))


EXIT_MARKS, EXIT_TICKS = table_of(ExitMarkRow), table_of(ExitTickRow)
