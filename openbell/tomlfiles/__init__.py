"""TOML files of any kind: text in, a model out. Every error names the file, the line and the key, all at once."""

import json
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from openbell.errors import InputError
from openbell.tomlfiles.lines import Key, key_lines
from openbell.tomlfiles.telling import Source

__all__ = ["MAX_BYTES", "File", "Kind", "examine", "folder_of", "paths"]

#: A plan of 10,000 symbols takes about 100 KiB, a thousand alerts as much; what is above this is neither.
MAX_BYTES = 256 * 1024
_SYNTAX = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", re.DOTALL)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind(Generic[M]):
    """What a file should hold: its model, what people call it, and the error when it does not."""

    model: type[M]
    noun: str
    error: type[InputError]


@dataclass(frozen=True, slots=True)
class File(Generic[M]):
    """What a file holds: ``problems`` is all that reading found wrong, ``content`` what is left without it.

    None when nothing is left.
    """

    source: Source
    content: M | None
    problems: tuple[str, ...]


def folder_of(given: Path | None, variable: str, name: str) -> Path:
    """The folder that was given, else deployments/NAME here, else that of the installed ``deployments`` package."""
    if given is not None:
        folder = given.expanduser()
        if not folder.is_dir():
            raise InputError(f"{variable}: {str(folder)!r} is not a folder")
        return folder
    candidates = [Path("deployments") / name, *_installed(name)]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise InputError(f"no folder of {name}: neither {' nor '.join(map(str, candidates))} is there; set {variable}")


def _installed(name: str) -> list[Path]:
    spec = find_spec("deployments")
    return [Path(place) / name for place in (spec.submodule_search_locations or ())] if spec else []


def paths(folder: Path) -> dict[str, Path]:
    """The TOML files of a folder by their names without the ending, sorted."""
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def examine(path: Path, kind: Kind[M]) -> File[M]:
    """The content of a file with all that is wrong with it; the kind's error when there is nothing to examine."""
    text = _text(path, kind)
    document = _document(path, text, kind)
    source = Source(path, key_lines(text), kind.model)
    try:
        return File(source, _content(document, kind), ())
    except RecursionError:
        raise _too_deep(path, kind) from None
    except ValidationError as error:
        return File(source, _remainder(document, error, kind), tuple(source.refused(error)))


def _content(document: Mapping[str, Any], kind: Kind[M]) -> M:
    # Strict JSON: "yes" is no boolean and "5" no number, while lists, dates and times are taken as TOML has them.
    return kind.model.model_validate_json(json.dumps(document, default=_json), strict=True)


def _remainder(document: dict[str, Any], error: ValidationError, kind: Kind[M]) -> M | None:
    """The content without the keys that were refused, if that is one: what it names can still be looked at."""
    for item in error.errors(include_url=False):
        table = _inside(document, item["loc"][:-1])
        if isinstance(table, dict) and item["loc"]:
            table.pop(str(item["loc"][-1]), None)
    try:
        return _content(document, kind)
    except ValidationError:
        return None


def _inside(found: Any, way: Key) -> Any:
    for part in way:
        found = found[part] if isinstance(found, list) and isinstance(part, int) else found.get(part, {})
    return found


def _text(path: Path, kind: Kind[M]) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise kind.error(f"{path}: not a regular file")
        if status.st_size > MAX_BYTES:
            raise kind.error(f"{path}: {status.st_size} bytes are above the limit of {MAX_BYTES} for {kind.noun}")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise kind.error(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise kind.error(f"{path}:{line}: not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}") from None


def _document(path: Path, text: str, kind: Kind[M]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _too_deep(path, kind) from None
    except ValueError as error:
        found = _SYNTAX.match(str(error))
        told = f"{path}:{found['line']}: column {found['column']}: {found['what']}" if found else f"{path}: {error}"
        raise kind.error(told) from None


def _too_deep(path: Path, kind: Kind[M]) -> InputError:
    return kind.error(f"{path}: values are nested too deep")


def _json(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise TypeError(type(value).__name__)
