"""The rows of a sweep in a file, one line each as soon as it is there, so that a killed sweep goes on where it was."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from openbell.build import build
from openbell.errors import InputError
from openbell.replay.sweep.grid import Point
from openbell.replay.sweep.work import Row, Setup
from openbell.stages.resolve import resolve
from openbell.values import canonical

#: The package whose sources ``build`` covers.
_OURS = "openbell."


def common_key(setup: Setup, prices: str) -> str:
    """What every row of a sweep was worked out from: plan, range, cash, prices, and the code that decides."""
    parts = [setup.plan.hash, setup.start, setup.end, setup.cash, prices, build(), _foreign(setup)]
    return canonical.digest(parts)


def point_key(common: str, point: Point) -> str:
    """What a row is found by."""
    return canonical.digest([common, dict(point)])


def _foreign(setup: Setup) -> list[str]:
    """Sources of strategies, sizers and rules that are not ours, each as it stands on disk."""
    desk = resolve(setup.plan)
    parts = (*(seat.strategy for seat in desk.seats), desk.sizer, *desk.rules, *desk.exits)
    names = sorted({type(part).__module__ for part in parts})
    files = [getattr(sys.modules[name], "__file__", None) for name in names if not name.startswith(_OURS)]
    return [canonical.digest(Path(file).read_text(encoding="utf-8")) for file in files if file]


def known_rows(path: Path) -> dict[str, Row]:
    """The rows of a file by key; a line that a kill cut off counts as not there."""
    try:
        raw = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return dict(_lines(raw))


def _lines(raw: bytes) -> Iterator[tuple[str, Row]]:
    for line in raw.split(b"\n"):
        try:
            found = json.loads(line)
            yield found["key"], Row(found["point"], found["figures"], found["cash"], found["refused"])
        except (ValueError, TypeError, LookupError):
            continue


@contextmanager
def appending(path: Path, fresh: bool) -> Iterator[Callable[[str, Row], None]]:
    """Adds a row under its key, each in one write; ``fresh`` forgets the rows that are there.

    An InputError names what the disk refused.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if fresh else "ab", buffering=0) as file:
            if _torn(path):
                file.write(b"\n")

            def append(key: str, row: Row) -> None:
                body = {"key": key, "point": row.point, "figures": row.figures}
                line = json.dumps({**body, "cash": row.cash, "refused": row.refused}, separators=(",", ":"))
                file.write(f"{line}\n".encode())

            yield append
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def _torn(path: Path) -> bool:
    """Whether the last line has no end."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
