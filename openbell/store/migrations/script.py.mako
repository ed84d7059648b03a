"""${message}."""

import sqlalchemy as sa
from alembic import op

from openbell.store.columns import Instant, Money, Sequence

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    ${upgrades if upgrades else "pass"}
