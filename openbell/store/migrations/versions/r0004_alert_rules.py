"""Where each alert rule stands."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
