"""Tables of what was moved to the archive: which records, into which files, and which panels."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field

from openbell.store.columns import Instant, Row, Sequence, table_of


class ArchiveRow(Row, table=True):
    """One month in the archive: the records ``first`` to ``last``, whose newest has the hash ``head``. A log.

    ``digest`` is the SHA-256 of the month's manifest, which names the SHA-256 of each of its files. A record may be
    deleted from the store only when a row here covers it.
    """

    __tablename__ = "archives"

    number: int = Field(sa_column=Column(Sequence, primary_key=True, autoincrement=False))
    month: str
    first: int = Field(sa_column=Column(Sequence, nullable=False))
    last: int = Field(sa_column=Column(Sequence, nullable=False))
    runs: int
    head: str
    digest: str
    host: str
    time: datetime = Field(sa_type=Instant)
    previous_hash: str
    hash: str


class ArchivedFrameRow(Row, table=True):
    """A panel that lies in the archive; ``archive`` is the number of the month. Insert-only."""

    __tablename__ = "archived_frames"

    digest: str = Field(primary_key=True)
    archive: int = Field(sa_column=Column(Sequence, nullable=False))


ARCHIVES, ARCHIVED_FRAMES = table_of(ArchiveRow), table_of(ArchivedFrameRow)
