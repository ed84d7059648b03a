"""The table of what people allow a plan to do."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field

from openbell.store.columns import Instant, Row, Sequence, table_of


class PermitRow(Row, table=True):
    """One word of a person: ``off``, ``on`` or ``armed``, for a plan or (``job`` not empty) one job of it. A log.

    Account, environment, hash of the plan, code and end belong to an arming and are empty in every other row.
    """

    __tablename__ = "permits"
    __table_args__ = (Index(None, "plan", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    plan: str
    job: str
    act: str
    actor: str
    reason: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    account: str
    environment: str
    plan_hash: str
    build: str
    expires: datetime | None = Field(default=None, sa_type=Instant)
    previous_hash: str
    hash: str


PERMITS = table_of(PermitRow)
