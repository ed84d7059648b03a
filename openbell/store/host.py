"""Which host a SQLite store belongs to: two hosts that write one file tear it, on whatever disk they share.

The first host to run on a store leaves a note beside it, ``openbell.db.host``. A backup of the file alone carries no
note, so that it can be restored anywhere.
"""

import hashlib
import os
import platform
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from openbell.errors import StoreError

#: Where systemd and D-Bus keep what tells machines apart, also clones with one host name.
MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def note_of(path: Path) -> Path:
    """The note beside a store's file."""
    return path.with_name(f"{path.name}.host")


def claim(path: Path) -> None:
    """Leave this host's note beside a store that has none, then ``check``."""
    if not note_of(path).exists() and (mark := this_host()):
        with suppress(FileExistsError), os.fdopen(_new(note_of(path)), "w", encoding="utf-8") as note:
            note.write(f"{mark} {platform.node()}\n")
    check(path)


def check(path: Path) -> None:
    """StoreError when the note beside the store is another host's."""
    if not note_of(path).exists():
        return
    mark, _, name = note_of(path).read_text(encoding="utf-8", errors="replace").strip().partition(" ")
    if mark and mark != this_host():
        raise StoreError(
            f"store {path} belongs to host {name[:60] or 'unknown'}, and this is {platform.node()}: "
            f"several hosts need the store on PostgreSQL; if that host is gone for good, delete {note_of(path)}"
        )


@lru_cache(maxsize=1)
def this_host() -> str:
    """What tells this machine from others, without giving its id away; empty where the system has none."""
    for place in MACHINE_IDS:
        with suppress(OSError):
            if machine := place.read_text(encoding="utf-8").strip():
                return hashlib.sha256(f"openbell/{machine}".encode()).hexdigest()[:32]
    return ""


def _new(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}") from error
