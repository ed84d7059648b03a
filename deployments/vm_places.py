"""Where the parts of an installation lie; only the standard library is used, as in ``vm``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where things go below ``root``; another root than / is for images and for trying the units out."""

    root: Path

    def at(self, path: str) -> Path:
        """A place of the real file system, below the root."""
        return self.root / path.lstrip("/")

    @property
    def staged(self) -> bool:
        """Whether this is not the machine itself."""
        return self.root != Path("/")

    def rewritten(self, text: str) -> str:
        """A unit or script as it must read below the root."""
        if self.staged:
            for place in ("/opt/openbell", "/etc/openbell", "/var/lib/openbell"):
                text = text.replace(place, str(self.at(place)))
        return text

    @property
    def settings(self) -> Path:
        """The environment file of the services."""
        return self.at("/etc/openbell/openbell.env")

    @property
    def current(self) -> Path:
        """The link to the release that the services use."""
        return self.at("/opt/openbell/current")
