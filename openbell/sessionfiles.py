"""Sessions kept under the home folder, so that one process a day reads them from the library, and not every run.

A file holds what exchange_calendars said for one exchange; it is read only on the day on which it was made, with the
same versions of the library and of openbell, and only when it is whole. Otherwise the library is asked again.
"""

import logging
import tempfile
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import numpy as np

import openbell
from openbell.calendar.exchange import introduce, introduced, library
from openbell.calendar.sessions import Sessions
from openbell.errors import CalendarError
from openbell.settings import Settings

_log = logging.getLogger("openbell.sessionfiles")


def prepare(code: str, settings: Settings) -> None:
    """Let this process know an exchange by the sessions kept for the day; a home that is not there is not made for it.

    A code that is not known is an error for whoever asks for the exchange.
    """
    home = settings.home.expanduser()
    if introduced(code) or not home.is_dir():
        return
    with suppress(CalendarError):
        introduce(code, sessions(code, home / "cache" / "calendars"))


def sessions(code: str, folder: Path) -> Sessions:
    """What is kept in the folder for the day, else what the library says, which is kept from then on.

    A CalendarError for a code that the library does not know. Where nothing can be kept, the library is asked anew.
    """
    path = folder / f"{quote(code, safe='')[:80]}.npz"
    found = _read(path)
    if found is None:
        found = library(code)
        _keep(path, found)
    return found


def _made() -> str:
    """What a file must say: the calendar's end moves with the day, and its past with the library."""
    parts = (openbell.__version__, version("exchange_calendars"), version("pandas"), f"{datetime.now(UTC):%Y-%m-%d}")
    return " ".join(parts)


def _read(path: Path) -> Sessions | None:
    """What is kept, None when that is nothing, of another day or damaged; each array has a checksum of its own."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Sessions.of_arrays(arrays) if str(arrays["made"]) == _made() else None
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _keep(path: Path, sessions: Sessions) -> None:
    """Replace the file as a whole; processes that do so at once write the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            np.savez(file, allow_pickle=False, made=np.array(_made()), **sessions.arrays())
        Path(file.name).replace(path)
    except OSError as error:
        _log.warning("sessions cannot be kept in %s: %s", path.parent, error.strerror)
