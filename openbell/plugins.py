"""Plug-ins by file: a module dropped into a package is found, named after itself and built from a plan.

A plug-in is a frozen model with typed, described fields; the module's file name is its name. Anything else can
be named by dotted path (``package.module.ClassName``).
"""

import difflib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import stat
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from openbell.errors import PlanError


class Plugin(BaseModel):
    """Base of strategies, sizers and rules: immutable, with no field beyond those declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("name"):
            cls.name = cls.__module__.rpartition(".")[2]

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("true and false are not amounts")
        return value

    def __repr_args__(self) -> Any:
        return [(key, value) for key, value in super().__repr_args__() if key in self.model_fields_set]


P = TypeVar("P", bound=Plugin)


def discover(package: ModuleType, base: type[P]) -> dict[str, type[P]]:
    """The plug-ins of a package by name: each public module that defines a subclass of ``base``."""
    return dict(_discover(package, base))


@cache
def _discover(package: ModuleType, base: type[P]) -> dict[str, type[P]]:
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            for plugin in defined_in(importlib.import_module(f"{package.__name__}.{module.name}"), base):
                found[plugin.name] = plugin
    return found


def defined_in(module: ModuleType, base: type[P]) -> list[type[P]]:
    """The plug-ins that a module defines itself, in its order."""
    classes = (item for item in vars(module).values() if inspect.isclass(item) and item.__module__ == module.__name__)
    return [item for item in classes if issubclass(item, base) and not inspect.isabstract(item) and item is not base]


@cache
def _in_own_module(package: ModuleType, base: type[P], name: str) -> type[P] | None:
    if name.startswith("_") or name not in {module.name for module in pkgutil.iter_modules(package.__path__)}:
        return None
    defined = defined_in(importlib.import_module(f"{package.__name__}.{name}"), base)
    return next((plugin for plugin in defined if plugin.name == name), None)


def find(package: ModuleType, base: type[P], name: str, kind: str) -> type[P]:
    """The plug-in called ``name``, or the class at that dotted path; the error names the nearest one.

    A module called like the plug-in is all that is imported, so that a paper account loads no vendor's SDK.
    """
    own = _in_own_module(package, base, name)
    if own is not None:
        return own
    known = discover(package, base)
    if name in known:
        return known[name]
    if "." in name:
        return _by_path(base, name, kind)
    raise PlanError(f"{kind} {name!r} is not known{nearest(name, known)}; there are {', '.join(sorted(known))}")


def _by_path(base: type[P], path: str, kind: str) -> type[P]:
    module_name, _, class_name = path.replace(":", ".").rpartition(".")
    try:
        _check_origin(module_name, f"{kind} {path!r}")
        found = getattr(importlib.import_module(module_name), class_name, None)
    except (ImportError, ValueError) as error:  # a ValueError: no module can have that name
        raise PlanError(f"{kind} {path!r} cannot be imported: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise PlanError(f"{kind} {path!r} is not a subclass of {base.__module__}.{base.__name__}")
    return found


def _check_origin(module: str, what: str) -> None:
    """PlanError before code is imported that somebody else could have put there.

    File and folder of the module, and of each package above it, must belong to root, to us, or to whom openbell itself
    belongs, behind every link, and must not be writable by everybody.
    """
    trusted = {0, os.geteuid(), Path(__file__).stat().st_uid}
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        spec = importlib.util.find_spec(".".join(parts[:length]))
        if spec is None or spec.origin is None or not spec.has_location:
            continue
        file = Path(spec.origin).resolve()
        for place in (file, file.parent, Path(spec.origin).parent):
            status = place.stat()
            if status.st_mode & stat.S_IWOTH:
                raise PlanError(f"{what} is not loaded: everybody can write {place}")
            if status.st_uid not in trusted:
                raise PlanError(f"{what} is not loaded: {place} belongs to user {status.st_uid}")


def build(plugin: type[P], params: Mapping[str, Any], where: str) -> P:
    """The plug-in with its parameters; an error names the parameter, its bound and the nearest valid key."""
    try:
        return plugin.model_validate(dict(params))
    except ValidationError as error:
        raise PlanError(f"{where}: {explain(error, plugin)}") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """A validation error as one sentence a person can act on."""
    parts = []
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            parts.append(f"unknown key {path!r}{nearest(str(item['loc'][-1]), model.model_fields)}")
        else:
            given = str(item["input"])
            got = "" if "://" in given else f", got {given[:60]!r}"  # an address may hold a token
            parts.append(f"{path or 'value'}: {item['msg']}{got}")
    return "; ".join(parts)


def nearest(word: str, known: Mapping[str, Any]) -> str:
    """``; did you mean ...?`` when something known is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
