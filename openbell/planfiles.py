"""Plan files: TOML in, plans out. Every error names the file, the line and the key, and all are told at once."""

import json
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from openbell.errors import InputError, OpenbellError, PlanError
from openbell.plugins import nearest
from openbell.settings import Settings
from openbell.values.plan import Plan

#: A plan of 10,000 symbols takes about 100 KiB; anything above this is not a plan.
MAX_BYTES = 256 * 1024
Key = tuple[str | int, ...]

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")
_SYNTAX = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", re.DOTALL)
_UNKNOWN = re.compile(r"^unknown key '(?P<key>[^']+)'(?P<rest>.*)$", re.DOTALL)
_WHERE = re.compile(r"^(?P<key>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*): (?P<rest>.*)$", re.DOTALL)
_DOTTED = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_PARTS = re.compile(r"; (?=unknown key '|[A-Za-z0-9_.-]+: )")
_KEY_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
#: What matters in a line outside of long strings, and how each long string ends.
_MARK = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[\]{}#]')
_LONG = {'"""': re.compile(r'(?:\\.|[^\\])*?"{3,5}'), "'''": re.compile(r".*?'{3,5}")}


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan with the file it came from and the line of each of its keys."""

    path: Path
    plan: Plan
    lines: Mapping[Key, int]

    def problems(self, error: OpenbellError) -> list[str]:
        """An error found later (by ``resolve``, say), one problem an item, each with file, line and key."""
        return [told for line in str(error).splitlines() for told in self._tell(line)]

    def _tell(self, text: str) -> Iterator[str]:
        where = _WHERE.match(text)
        if where is None:
            named = next((name for name in map(_split, _DOTTED.findall(text)) if name in self.lines), ())
            yield f"{_place(self.path, self.lines, named)}: {text}"
            return
        for part in _PARTS.split(where["rest"]):
            yield _report(self.path, self.lines, *_refine(_split(where["key"]), part))


# --- finding -------------------------------------------------------------------------------------------------


def plans_folder(settings: Settings) -> Path:
    """OPENBELL_PLANS, else deployments/plans here, else the plans of the installed ``deployments`` package."""
    if settings.plans is not None:
        folder = settings.plans.expanduser()
        if not folder.is_dir():
            raise InputError(f"OPENBELL_PLANS: {str(folder)!r} is not a folder")
        return folder
    candidates = [Path("deployments/plans"), *_installed()]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise InputError(f"no folder of plans: neither {' nor '.join(map(str, candidates))} is there; set OPENBELL_PLANS")


def _installed() -> list[Path]:
    spec = find_spec("deployments")
    return [Path(place) / "plans" for place in (spec.submodule_search_locations or ())] if spec else []


def plan_paths(folder: Path) -> dict[str, Path]:
    """The plan files of a folder by plan name, sorted."""
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find(name: str, folder: Path) -> Path:
    """The file of a plan; the error names the nearest plan and the folder."""
    known = plan_paths(folder)
    if name not in known:
        raise InputError(f"no plan {name[:60]!r} in {folder}{nearest(name, known)}{_there_are(known)}")
    return known[name]


# --- reading -------------------------------------------------------------------------------------------------


def load(path: Path) -> Plan:
    """The plan of a file; a PlanError lists all that is wrong with it, one line each."""
    return read(path).plan


def load_all(folder: Path) -> tuple[Plan, ...]:
    """All plans of a folder by name; a PlanError lists what is wrong with any of them."""
    plans: list[Plan] = []
    problems: list[str] = []
    for path in plan_paths(folder).values():
        try:
            plans.append(load(path))
        except PlanError as error:
            problems.append(str(error))
    if problems:
        raise PlanError("\n".join(problems))
    return tuple(plans)


def read(path: Path) -> PlanFile:
    """The plan of a file with its lines; errors as ``load``."""
    text = _text(path)
    document = _document(path, text)
    lines = key_lines(text)
    try:
        # Strict JSON: "yes" is no boolean and "5" no number, while lists, dates and times are taken as TOML has them.
        plan = Plan.model_validate_json(json.dumps(document, default=_json), strict=True)
    except ValidationError as error:
        told = [_report(path, lines, item["loc"], _words(item)) for item in _telling(error.errors(include_url=False))]
        raise PlanError("\n".join(told)) from None
    if plan.name != path.stem:
        wrong = f"{plan.name!r} is not the file's name {path.stem!r}"
        raise PlanError(_report(path, lines, ("name",), wrong))
    return PlanFile(path, plan, lines)


def _text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PlanError(f"{path}: not a regular file")
        if status.st_size > MAX_BYTES:
            raise PlanError(f"{path}: {status.st_size} bytes are above the limit of {MAX_BYTES} for a plan")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise PlanError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlanError(f"{path}:{line}: not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}") from None


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise PlanError(f"{path}: values are nested too deep") from None
    except ValueError as error:
        found = _SYNTAX.match(str(error))
        told = f"{path}:{found['line']}: column {found['column']}: {found['what']}" if found else f"{path}: {error}"
        raise PlanError(told) from None


def _json(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise TypeError(type(value).__name__)


# --- telling -------------------------------------------------------------------------------------------------


def _telling(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without the "too short" that pydantic adds to a list whose items were refused already."""
    items = {error["loc"][:-1] for error in errors if error["loc"] and isinstance(error["loc"][-1], int)}
    inner = items | {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    return [error for error in errors if not (error["type"] == "too_short" and error["loc"] in inner)]


def _words(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        known = _keys_at(error["loc"][:-1])
        return f"unknown key{nearest(str(error['loc'][-1]), known) or _there_are(known)}"
    if error["type"] == "missing":
        return "a required key is missing"
    message, given = error["msg"].removeprefix("Value error, "), error["input"]
    if isinstance(given, (dict, list)) or error["type"] == "value_error":
        return message
    return f"{message}, got {str(given)[:60]!r}"


def _keys_at(key: Key) -> Mapping[str, Any]:
    """Valid keys of the table at this place of a plan."""
    found: Any = Plan
    for part in key:
        fields: Mapping[str, Any] | None = getattr(found, "model_fields", None)
        found = fields[str(part)].annotation if fields else [arg for arg in get_args(found) if arg is not ...][-1]
    known: Mapping[str, Any] = found.model_fields
    return known


def _there_are(known: Mapping[str, Any]) -> str:
    return f"; there are {', '.join(sorted(known))}" if known else "; there is none"


def _refine(key: Key, words: str) -> tuple[Key, str]:
    """A problem of a table as the problem of the key inside it that the words name."""
    if unknown := _UNKNOWN.match(words):
        return key + _split(unknown["key"]), "unknown key" + unknown["rest"]
    if inner := _WHERE.match(words):
        return key + _split(inner["key"]), inner["rest"]
    return key, words


def _split(dotted: str) -> Key:
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))


def _report(path: Path, lines: Mapping[Key, int], key: Key, words: str) -> str:
    name = ".".join(str(part) if _BARE.match(str(part)) else repr(part)[:60] for part in key)
    return f"{_place(path, lines, key)}: {name}: {words}" if name else f"{path}: {words}"


def _place(path: Path, lines: Mapping[Key, int], key: Key) -> str:
    line = next((lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in lines), None)
    return f"{path}:{line}" if line else str(path)


# --- lines ---------------------------------------------------------------------------------------------------


def key_lines(text: str) -> dict[Key, int]:
    """Line of each table, array element and key of a valid TOML text; keys inside inline tables have none."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if not depth and not quote and bare and not bare.startswith("#"):
            if bare.startswith("["):
                table = _table(bare, counts)
                lines.setdefault(table, number)
                continue
            lines[table + _key(bare)] = number
        depth, quote = _follow(line, depth, quote)
    return lines


def _table(header: str, counts: dict[Key, int]) -> Key:
    doubled = header.startswith("[[")
    name = _key(header.lstrip("["))
    if not doubled:
        return _inside(name, counts)
    array = _inside(name[:-1], counts) + name[-1:]
    counts[array] = counts.get(array, 0) + 1
    return (*array, counts[array] - 1)


def _inside(key: Key, counts: Mapping[Key, int]) -> Key:
    """The key with the index of the latest element put in after each array of tables on its way."""
    placed: Key = ()
    for part in key:
        placed = (*placed, part)
        if placed in counts and not isinstance(part, int):
            placed = (*placed, counts[placed] - 1)
    return placed


def _key(text: str) -> Key:
    parts: list[str] = []
    position = 0
    while found := _KEY_PART.match(text, position):
        word = found[1]
        parts.append(word[1:-1] if word[0] in "\"'" else word)
        position = found.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts)


def _follow(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets and which long string are open after this line."""
    position = 0
    while found := (_LONG[quote] if quote else _MARK).search(line, position):
        position, mark = found.end(), found[0]
        if quote:
            quote = ""
        elif mark == "#":
            break
        elif mark in _LONG:
            quote = mark
        elif mark in "[]{}":
            depth += 1 if mark in "[{" else -1
    return depth, quote
