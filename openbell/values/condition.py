"""How something that was looked at stands."""

from enum import StrEnum


class Condition(StrEnum):
    """``ok``; ``warning``, when nothing is lost yet but somebody should look; ``failed``."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
