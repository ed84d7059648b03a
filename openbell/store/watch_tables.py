"""Tables of what people watch and set: switches, breakers, look-ups, alerts, breaks. Logs are insert-only and chained.

In a log the rows are numbered without a gap, and the hash of each covers its columns and the hash before it.
"""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field

from openbell.store.alert_tables import ALERT_EVENTS
from openbell.store.archive_tables import ARCHIVES
from openbell.store.columns import Instant, Row, Sequence, table_of
from openbell.store.desk_tables import ADJUSTMENTS, BREAK_FACTS, LOOKS, SNAPSHOTS
from openbell.store.order_tables import DENIALS
from openbell.store.outbox_tables import DELIVERIES
from openbell.store.permit_tables import PERMITS


class SwitchRow(Row, table=True):
    """Every setting of the kill switch; the newest epoch counts. A log, but rows of schema 0001 have no hash."""

    __tablename__ = "switches"

    epoch: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    level: str
    actor: str
    reason: str
    time: datetime = Field(sa_type=Instant)
    previous_hash: str | None = None
    hash: str | None = None


class BreakerRow(Row, table=True):
    """Where the breaker of one dependency of a job stands; ``recent`` has an ``x`` for each failure, newest last.

    For ``rejects``, which are counted by the minute, it has their seconds since 1970. ``cooldown`` is in seconds.
    """

    __tablename__ = "breakers"

    plan: str = Field(primary_key=True)
    job: str = Field(primary_key=True)
    dependency: str = Field(primary_key=True)
    open: bool
    failures: int
    recent: str
    reason: str
    opened_at: datetime | None = Field(default=None, sa_type=Instant)
    retry_at: datetime | None = Field(default=None, sa_type=Instant)
    probes: int
    cooldown: int
    latched: bool


class BreakerEventRow(Row, table=True):
    """Each time that a breaker opened, closed or was reset, and by whom. A log."""

    __tablename__ = "breaker_events"

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    plan: str
    job: str
    dependency: str
    what: str
    actor: str
    reason: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class LookupRow(Row, table=True):
    """One question to the broker about an order; ``event`` is the SENDING mark that it asks about. A log.

    ``time`` is by the run's clock, ``written`` by the database's.
    """

    __tablename__ = "lookups"
    __table_args__ = (Index(None, "client_id", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    client_id: str = Field(foreign_key="intents.client_id")
    event: int = Field(sa_column=Column(Sequence, nullable=False))
    time: datetime = Field(sa_type=Instant)
    written: datetime = Field(sa_type=Instant)
    found: bool
    detail: str = Field(sa_type=Text)
    previous_hash: str
    hash: str


class AlertRow(Row, table=True):
    """Something that a person must see. A log."""

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "kind", "subject", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    account: str
    kind: str
    subject: str
    detail: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class BreakRow(Row, table=True):
    """A difference between the books and the broker. A log."""

    __tablename__ = "breaks"
    __table_args__ = (Index(None, "kind", "subject", "number"),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    account: str
    kind: str
    subject: str
    detail: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class ResolutionRow(Row, table=True):
    """Who closed which alert or break (``log`` names the table, ``closes`` the row), and why. A log."""

    __tablename__ = "resolutions"
    __table_args__ = (Index(None, "log", "closes", unique=True),)

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    log: str
    closes: int = Field(sa_column=Column(Sequence, nullable=False))
    actor: str
    reason: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


SWITCHES, BREAKERS, BREAKER_EVENTS = table_of(SwitchRow), table_of(BreakerRow), table_of(BreakerEventRow)
LOOKUPS, ALERTS, BREAKS = table_of(LookupRow), table_of(AlertRow), table_of(BreakRow)
RESOLUTIONS = table_of(ResolutionRow)
#: Each is chained by itself.
LOGS = (
    *(SWITCHES, BREAKER_EVENTS, LOOKUPS, ALERTS, BREAKS, RESOLUTIONS, DELIVERIES, ALERT_EVENTS, PERMITS),
    *(LOOKS, BREAK_FACTS, ADJUSTMENTS, SNAPSHOTS, ARCHIVES, DENIALS),
)
