"""Tables of alerts: every step that one took, and where each stands."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field

from openbell.store.columns import Instant, Row, Sequence, table_of


class AlertEventRow(Row, table=True):
    """One step of an alert on a symbol: ``fired`` or ``rearmed``. A log.

    ``at`` is the bar or the look that was judged, ``time`` when it was written. A slot has one step of each at most.
    """

    __tablename__ = "alert_events"
    __table_args__ = (
        Index(None, "slot", "alert", "symbol", unique=True),
        Index(None, "plan", "alert", "number"),
    )

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    plan: str
    alert: str
    symbol: str
    definition: str
    step: str
    slot: str
    at: datetime = Field(sa_type=Instant)
    detail: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class AlertStandingRow(Row, table=True):
    """The last step of an alert on a symbol; one that never fired has no row."""

    __tablename__ = "alert_standings"

    plan: str = Field(primary_key=True)
    alert: str = Field(primary_key=True)
    symbol: str = Field(primary_key=True)
    definition: str
    armed: bool
    since: datetime = Field(sa_type=Instant)
    event: int = Field(sa_column=Column(Sequence, nullable=False))


ALERT_EVENTS, ALERT_STANDINGS = table_of(AlertEventRow), table_of(AlertStandingRow)
