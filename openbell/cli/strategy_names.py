"""A strategy as a person names it: by name, by the dotted path of its class, or by its file."""

import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from openbell import strategies
from openbell.errors import PlanError
from openbell.plugins import build, defined_in, find, nearest
from openbell.stages.evaluate import FAULTS
from openbell.strategies.base import Strategy

#: Package of modules that come from a file; a strategy is named after the last part.
_PACKAGE = "openbell_file"


def strategy_named(text: str, params: Mapping[str, Any]) -> Strategy:
    """The strategy with its parameters; PlanError names what is wrong with either."""
    path, _, wanted = text.partition(".py:")
    if wanted or text.endswith(".py"):
        found = _in_file(Path(f"{path.removesuffix('.py')}.py"), wanted)
    else:
        found = find(strategies, Strategy, text, "strategy")  # type: ignore[type-abstract]  # a base to look for
    return build(found, params, "params")


def _in_file(path: Path, wanted: str) -> type[Strategy]:
    """The one strategy of a file, or the class of that name."""
    if not path.is_file():
        raise PlanError(f"strategy file {str(path)!r} is not there")
    found = {item.__name__: item for item in defined_in(_module(path), Strategy)}  # type: ignore[type-abstract]
    if wanted and wanted not in found:
        raise PlanError(f"{path} has no strategy {wanted[:60]!r}{nearest(wanted, found)}; {_there_are(found)}")
    if not wanted and len(found) != 1:
        more = f": say which, as {path}:{next(iter(found))}" if found else ""
        raise PlanError(f"{path} defines {len(found)} strategies, not one; {_there_are(found)}{more}")
    return found[wanted] if wanted else next(iter(found.values()))


def _there_are(found: Mapping[str, object]) -> str:
    return f"there are {', '.join(found)}" if found else "no class in it is a finished subclass of Strategy"


def _module(path: Path) -> ModuleType:
    name = f"{_PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PlanError(f"{path} is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks annotations up there
    try:
        spec.loader.exec_module(module)
    except (*FAULTS, SyntaxError) as error:
        raise PlanError(f"{path} cannot be imported: {type(error).__name__}: {_where(error, path)}") from error
    return module


def _where(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    said = str(error).partition("\n")[0]
    return f"{said} (line {lines[-1]})" if lines else said
