"""The table of requests to venues, the newest minute of it."""

from sqlalchemy import Column, Float, Index
from sqlmodel import Field

from openbell.store.columns import Row, Sequence, table_of


class RequestRow(Row, table=True):
    """``spent`` requests of a budget at ``time``, in seconds since 1970, out of ``most`` in a minute.

    Requests of others, which the venue tells of, stand at the time that makes them leave when the venue says.
    """

    __tablename__ = "venue_requests"
    __table_args__ = (Index(None, "budget", "time"),)

    number: int | None = Field(default=None, sa_column=Column(Sequence, primary_key=True, autoincrement=True))
    budget: str
    time: float = Field(sa_type=Float(53))
    spent: int
    most: int


REQUESTS = table_of(RequestRow)
