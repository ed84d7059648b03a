"""Tables of messages on their way out: the outbox, what was read for it, and the log of deliveries."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field

from openbell.store.columns import Instant, Row, Sequence, table_of


class OutboxRow(Row, table=True):
    """A message for one target; ``target`` is a reference, never an address."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "state", "plan", "target", "next_try"),
        Index(None, "target", "key", "next_try"),
        Index(None, "created"),
    )

    id: str = Field(primary_key=True)
    source: str
    target: str
    plan: str
    level: str
    kind: str
    key: str
    subject: str
    body: str = Field(sa_type=Text)
    created: datetime = Field(sa_type=Instant)
    expires: datetime = Field(sa_type=Instant)
    state: str
    next_try: datetime = Field(sa_type=Instant)
    tries: int
    times: int
    last_seen: datetime = Field(sa_type=Instant)
    claimed_until: datetime | None = Field(default=None, sa_type=Instant)
    error: str
    merged_into: str


class ReadMarkRow(Row, table=True):
    """The last row of a log that was read for a plan."""

    __tablename__ = "outbox_marks"

    plan: str = Field(primary_key=True)
    log: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(Sequence, nullable=False))


class DeliveryRow(Row, table=True):
    """Each try to deliver a message. A log."""

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "message", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    message: str
    target: str
    attempt: int
    state: str
    detail: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


OUTBOX, READ_MARKS, DELIVERIES = table_of(OutboxRow), table_of(ReadMarkRow), table_of(DeliveryRow)
