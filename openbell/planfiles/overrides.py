"""A plan with some of its keys set to other values: ``risk.max_positions=3``, ``strategies.0.params.fast=5``."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError

from openbell import sizing, strategies
from openbell.errors import InputError, PlanError
from openbell.exits import rules as exit_rules
from openbell.exits.base import ExitRule
from openbell.plugins import Plugin, discover, find, nearest
from openbell.risk import rules as risk_rules
from openbell.risk.base import Rule
from openbell.sizing.base import Sizer
from openbell.strategies.base import Strategy
from openbell.tomlfiles.lines import Key
from openbell.tomlfiles.telling import Source
from openbell.values.plan import Plan
from openbell.values.schedule import CADENCE, Schedule

#: Candidates that an error lists at most.
SHOWN = 6
#: Ways to say when a bell rings, of which a schedule has one.
RINGS = ("cron", "every", "at")


class _Place(NamedTuple):
    """Where a key stands in a plan, and whether its value is a list."""

    path: Key
    many: bool = False


def with_overrides(plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan with each key set to its value, in the order given.

    A key is dotted as in a plan file. A strategy is named by its number or its label, and a key may be cut to its end
    where only one key ends so: ``fast``. A text is read as TOML, as it would stand in the file, or else taken as it
    is; a list may be written ``AAPL,IBM``.

    Raises:
        InputError: a key that there is not, with the nearest there is, or one that is cut too short.
        PlanError: values that a plan must not have.
    """
    body = json.loads(plan.model_dump_json(exclude_unset=True))
    for key, value in given.items():
        place = locate(body, key)
        _put(body, place.path, _value(value, place.many))
    try:
        # As strict as a file: "yes" is no boolean, and "5" no number.
        return Plan.model_validate_json(json.dumps(body, default=_json), strict=True)
    except ValidationError as error:
        source = Source(Path(f"plan {plan.name} with {_told(given)}"), {}, Plan)
        raise PlanError("\n".join(source.refused(error))) from None


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` each; a text without a key, and a key that stands twice, is an InputError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"{text[:60]!r} is not KEY=VALUE")
        if key in found:
            raise InputError(f"{key[:60]!r} is set twice: {found[key][:40]!r} and {value.strip()[:40]!r}")
        found[key] = value.strip()
    return found


def full_key(plan: Plan, key: str) -> str:
    """The key in full, strategies by their number; an InputError as from ``with_overrides``."""
    place = locate(json.loads(plan.model_dump_json(exclude_unset=True)), key)
    return ".".join(map(str, place.path))


def locate(body: Mapping[str, Any], key: str) -> _Place:
    """The place of a key in the body of a plan."""
    known = _known(body)
    exact = _numbered(body, key)
    if exact in known:
        return known[exact]
    if opened := next((place for name, place in _open(known) if exact.startswith(f"{name}.")), None):
        return _Place((*opened.path, exact[len(".".join(map(str, opened.path))) + 1 :]))
    ends = [name for name in known if name.endswith(f".{key}")]
    if len(ends) == 1:
        return known[ends[0]]
    if ends:
        more = f" and {len(ends) - SHOWN} more" if len(ends) > SHOWN else ""
        raise InputError(f"key {key[:60]!r} is cut too short: it may be {', '.join(ends[:SHOWN])}{more}")
    near = nearest(exact, known) or nearest(key, {name.rpartition(".")[2]: name for name in known})
    raise InputError(f"unknown key {key[:60]!r}{near or '; docs/plans.md lists the keys of a plan'}")


def _open(known: Mapping[str, _Place]) -> Iterator[tuple[str, _Place]]:
    """Tables whose keys the venue knows: a wrong one is refused when the venue is opened."""
    return ((name, known[name]) for name in known if name.endswith(".params") and name.startswith(("account", "feed")))


def _numbered(body: Mapping[str, Any], key: str) -> str:
    for index, use in enumerate(body["strategies"]):
        label = use.get("name") or use["use"].replace(":", ".").rpartition(".")[2]
        if key == f"strategies.{label}" or key.startswith(f"strategies.{label}."):
            return f"strategies.{index}{key[len('strategies.') + len(label) :]}"
    return key


def _known(body: Mapping[str, Any]) -> Mapping[str, _Place]:
    uses = tuple(use["use"] for use in body["strategies"])
    sizer = body.get("sizing", {}).get("use", "weight_of_equity")
    named = tuple((table, tuple(body.get(table, {}))) for table in ("risk", "exits"))
    lengths = (len(body.get("feed", {}).get("fallback", ())), len(body.get("notify", {}).get("targets", ())))
    return _keys(uses, sizer, named, lengths)


@lru_cache(maxsize=8)
def _keys(
    uses: tuple[str, ...], sizer: str, named: tuple[tuple[str, tuple[str, ...]], ...], lengths: tuple[int, int]
) -> Mapping[str, _Place]:
    """Every key that a plan with these parts may have, by its dotted name."""
    rules = dict(named)
    counts = {"strategies": len(uses), "feed.fallback": lengths[0], "notify.targets": lengths[1]}
    places = [*_fields(Plan, (), counts)]
    for index, use in enumerate(uses):
        places += _params(find(strategies, Strategy, use, "strategy"), ("strategies", index, "params"))
    places += _params(find(sizing, Sizer, sizer, "sizer"), ("sizing", "params"))
    for table, package, base in (("risk", risk_rules, Rule), ("exits", exit_rules, ExitRule)):
        for name in dict.fromkeys((*discover(package, base), *rules[table])):
            places.append(_Place((table, name)))
            places += _params(find(package, base, name, "rule"), (table, name))
    return {".".join(map(str, place.path)): place for place in places}


def _params(plugin: type[Plugin], path: Key) -> Iterator[_Place]:
    for name, field in plugin.model_fields.items():
        yield _Place((*path, name), _many(field.annotation))


def _fields(model: type[BaseModel], path: Key, counts: Mapping[str, int]) -> Iterator[_Place]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        inner = _model(field.annotation)
        yield _Place(here, _many(field.annotation) and inner is None)
        if inner is Schedule:
            for job in CADENCE:
                yield _Place((*here, job))
                yield from _fields(Schedule, (*here, job), counts)
        elif inner is not None and _many(field.annotation):
            for index in range(counts.get(".".join(map(str, here)), 0)):
                yield from _fields(inner, (*here, index), counts)
        elif inner is not None:
            yield from _fields(inner, here, counts)


def _many(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model that is, or stands inside, an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)


def _put(body: dict[str, Any], path: Key, value: Any) -> None:
    """Set what stands at a place; a rule that has only its main value becomes a table, and a bell rings in one way."""
    inner: Any = body
    for part, after in pairwise(path):
        if isinstance(inner, list):
            inner = inner[int(part)]
            continue
        found = inner.get(part)
        if found is None or not isinstance(found, (dict, list)):
            found = inner[part] = _table(path[:2], found, after)
        inner = found
    if path[0] == "schedule" and path[-1] in RINGS:
        for other in RINGS:
            inner.pop(other, None)
    inner[path[-1]] = value


def _table(rule: Key, value: Any, field: int | str) -> dict[str, Any]:
    if value is None or isinstance(value, bool) or rule[0] not in ("risk", "exits"):
        return {}
    package, base = (risk_rules, Rule) if rule[0] == "risk" else (exit_rules, ExitRule)
    main = find(package, base, str(rule[1]), "rule").main  # type: ignore[attr-defined]
    return {} if main == field else {main: value}


def _value(value: Any, many: bool) -> Any:
    read = _read(value, many) if isinstance(value, str) else value
    return [read] if many and not isinstance(read, (list, tuple)) else read


def _read(text: str, many: bool) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        document = {}
    if list(document) == ["value"]:
        return document["value"]
    return [part.strip() for part in text.split(",") if part.strip()] if many else text


def _told(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{key[:60]}={str(value)[:60]}" for key, value in given.items())


def _json(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)
