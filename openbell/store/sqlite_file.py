"""The SQLite store as a file: where it may lie, who may read it, and how each connection is set up."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openbell.errors import StoreError

#: SQLite's write-ahead log needs shared memory, which these do not give.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs", "davfs"}
)
BUSY_SECONDS = 5.0
#: A file of up to so many bytes is checked at each start; it takes milliseconds.
QUICK_SIZE = 8 * 1024 * 1024
_MOUNTS = Path("/proc/self/mounts")
#: Device, inode, size and last change of the files that this process has found whole.
_FOUND_WHOLE: dict[Path, tuple[int, int, int, int]] = {}


def make_file(path: Path) -> None:
    """An empty file that only its owner may read, in a folder of the same kind; existing ones are left alone."""
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # another may be making it
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"store {path} cannot be made: {error.strerror}") from error


def check_place(path: Path, mounts: Path = _MOUNTS) -> None:
    """StoreError unless the file is there and on a local disk."""
    if not path.is_file():
        raise StoreError(f"there is no store at {path}; run openbell migrate to make one")
    kind = _kind_here(path, path.stat().st_dev) if mounts == _MOUNTS else file_system(path, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(f"store {path} is on a network file system ({kind}); use a local disk or PostgreSQL")


@lru_cache(maxsize=64)
def _kind_here(path: Path, device: int) -> str:  # noqa: ARG001  # another device: mounted anew
    return file_system(path, _MOUNTS)


def file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """Kind of the file system that holds the path, empty where the system does not tell."""
    if not mounts.is_file():
        return ""
    place, found = path.resolve(), (0, "")
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, kind, *_ = line.split(" ")
        mounted = Path(point.replace("\\040", " "))
        if place.is_relative_to(mounted):
            found = max(found, (len(mounted.parts), kind), key=lambda item: item[0])
    return found[1]


def connect(path: Path, durable: bool = True) -> sqlite3.Connection:
    """A connection that never makes the file, waits five seconds for a lock and starts its transactions itself."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        set_up(connection, path, durable)
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return connection


def check_start(connection: Any, path: Path) -> None:
    """StoreError when a page of the file is damaged; a large file is left to ``openbell verify``.

    A process looks again only at a file that has changed since.
    """
    status = path.stat()
    stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if status.st_size > QUICK_SIZE or _FOUND_WHOLE.get(path) == stamp:
        return
    if damage := check_pages(connection):
        raise StoreError(f"store {path} is damaged, restore a backup: {damage[0]}")
    _FOUND_WHOLE[path] = stamp


def check_pages(connection: Any) -> list[str]:
    """What SQLite finds wrong with the pages of its file, at most a hundred things; empty when nothing is."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(100)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


@contextmanager
def lenient(connection: Any) -> Iterator[None]:
    """Text that is not UTF-8 is read with what it has instead of ending the query; other databases are left alone."""
    if not isinstance(connection, sqlite3.Connection):
        yield
        return
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = str


def set_up(connection: sqlite3.Connection, path: Path, durable: bool = True) -> None:
    """Durable commits and checked keys; StoreError where a write-ahead log cannot be used.

    Commits that are not ``durable`` reach the disk with the next one that is; the file stays whole either way.
    """
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"store {path} cannot use a write-ahead log (journal mode stays {mode}); use a local disk")
    for pragma in (f"synchronous={'FULL' if durable else 'NORMAL'}", "foreign_keys=ON", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}")
