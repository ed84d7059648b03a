"""Plan files: TOML in, plans out. Every error names the file, the line and the key, and all are told at once."""

import json
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from openbell.errors import InputError, OpenbellError, PlanError
from openbell.planfiles.lines import Key, key_lines
from openbell.planfiles.telling import Source, there_are
from openbell.plugins import nearest
from openbell.settings import Settings
from openbell.values.plan import Plan

__all__ = ["MAX_BYTES", "PlanFile", "examine", "find", "load", "load_all", "plan_paths", "plans_folder"]

#: A plan of 10,000 symbols takes about 100 KiB; anything above this is not a plan.
MAX_BYTES = 256 * 1024
_SYNTAX = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a file holds: ``problems`` is all that reading found wrong, ``plan`` what is left without it.

    None when nothing is left. Only a plan without problems may run.
    """

    source: Source
    plan: Plan | None
    problems: tuple[str, ...]

    def named(self, error: OpenbellError) -> list[str]:
        """An error found later (by ``resolve``, say), one problem an item, each with file, line and key."""
        return [told for line in str(error).splitlines() for told in self.source.named(line)]


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
        raise InputError(f"no plan {name[:60]!r} in {folder}{nearest(name, known)}{there_are(known)}")
    return known[name]


def load(path: Path) -> Plan:
    """The plan of a file; a PlanError lists all that is wrong with it, one line each."""
    file = examine(path)
    if file.plan is None or file.problems:
        raise PlanError("\n".join(file.problems))
    return file.plan


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


def examine(path: Path) -> PlanFile:
    """The plan of a file with all that is wrong with it so far; PlanError when there is nothing to examine."""
    text = _text(path)
    document = _document(path, text)
    source = Source(path, key_lines(text))
    try:
        plan = _plan(document)
    except ValidationError as error:
        return PlanFile(source, _remainder(document, error), tuple(source.refused(error)))
    wrong = f"{plan.name!r} is not the file's name {path.stem!r}"
    return PlanFile(source, plan, () if plan.name == path.stem else (source.report(("name",), wrong),))


def _plan(document: Mapping[str, Any]) -> Plan:
    # Strict JSON: "yes" is no boolean and "5" no number, while lists, dates and times are taken as TOML has them.
    return Plan.model_validate_json(json.dumps(document, default=_json), strict=True)


def _remainder(document: dict[str, Any], error: ValidationError) -> Plan | None:
    """The plan without the keys that were refused, if that is one: what it names can still be looked at."""
    for item in error.errors(include_url=False):
        table = _inside(document, item["loc"][:-1])
        if isinstance(table, dict) and item["loc"]:
            table.pop(str(item["loc"][-1]), None)
    try:
        return _plan(document)
    except ValidationError:
        return None


def _inside(found: Any, way: Key) -> Any:
    for part in way:
        found = found[part] if isinstance(found, list) and isinstance(part, int) else found.get(part, {})
    return found


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
