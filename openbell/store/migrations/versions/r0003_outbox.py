"""Messages for people on their way out."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
