"""Where a store lies: whether anybody but its owner can read it, on what file system, and how much room is left."""

import shutil
from pathlib import Path

from openbell.store.connect import parse_url
from openbell.store.sqlite_file import NETWORK_FILE_SYSTEMS, file_system

#: What SQLite keeps beside its file.
_BESIDE = ("", "-wal", "-shm")
_OTHERS = 0o077


def file_of(url: str) -> Path | None:
    """The file of a SQLite store; None for PostgreSQL."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if parsed.drivername == "sqlite" else None


def beside(url: str) -> Path:
    """Where archived months lie unless somebody says otherwise: beside the file of a SQLite store."""
    file = file_of(url)
    return (file.parent if file else Path()) / "archive"


def wider(url: str) -> str:
    """Which file of the store others than its owner may open, and what puts that right; empty for none."""
    path = file_of(url)
    files = [path.with_name(path.name + end) for end in _BESIDE] if path else []
    for file in files:
        if file.exists() and (mode := file.stat().st_mode & 0o777) & _OTHERS:
            return f"{file} is open to others (mode {mode:04o}): chmod 600 {file}"
    return ""


def network_file_system(url: str) -> str:
    """The kind of file system that the store must not lie on; empty when it lies well."""
    path = file_of(url)
    kind = file_system(path) if path else ""
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def room(folder: Path) -> int:
    """Bytes that are free for the files of a folder, or of the nearest one above it that exists."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free
