"""What positions, breaks and snapshots keep."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
