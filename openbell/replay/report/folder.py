"""Files in a folder: all of them whole, or none."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from openbell.errors import InputError


def check_folder(folder: Path) -> None:
    """An InputError where a report cannot come to stand in this folder: to be told before the work, not after it."""
    found = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not found.is_dir():
        raise InputError(f"the report cannot be written to {folder}: {found} is not a folder")
    if not os.access(found, os.W_OK | os.X_OK):
        raise InputError(f"the report cannot be written to {folder}: {found} may not be written to")


def write_aside(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write all files beside their places first, then put them there."""
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _moved(folder, contents)
    except OSError as error:
        if made:
            with suppress(OSError):
                folder.rmdir()  # only when it is empty
        raise InputError(f"the report cannot be written to {folder}: {error.strerror or error}") from None


def _moved(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    aside = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    try:
        for name, content in contents.items():
            with (aside / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for name in contents:
            (aside / name).replace(folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return tuple(folder / name for name in contents)
