"""What is wrong with a file, in words: one line each, with file, line and key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from openbell.plugins import nearest
from openbell.tomlfiles.lines import Key

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")
_UNKNOWN = re.compile(r"^unknown key '(?P<key>[^']+)'(?P<rest>.*)$", re.DOTALL)
_WHERE = re.compile(r"^(?P<key>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*): (?P<rest>.*)$", re.DOTALL)
_DOTTED = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_PARTS = re.compile(r"; (?=unknown key '|[A-Za-z0-9_.-]+: )")


@dataclass(frozen=True, slots=True)
class Source:
    """A file, the line of each of its keys, and the model that says which keys there may be."""

    path: Path
    lines: Mapping[Key, int]
    model: type[BaseModel]

    def report(self, key: Key, words: str) -> str:
        """One problem of one key."""
        name = ".".join(str(part) if _BARE.match(str(part)) else repr(part)[:60] for part in key)
        return f"{self.place(key)}: {name}: {words}" if name else f"{self.path}: {words}"

    def refused(self, error: ValidationError) -> list[str]:
        """Each problem that the model found."""
        errors = _telling(error.errors(include_url=False))
        return [self.report(item["loc"], _words(item, self.model)) for item in errors]

    def named(self, text: str) -> Iterator[str]:
        """Each problem of a text that begins with a key, such as ``risk.max_orders: ...``, or names one."""
        where = _WHERE.match(text)
        if where is None:
            found = next((name for name in map(_split, _DOTTED.findall(text)) if name in self.lines), ())
            yield f"{self.place(found)}: {text}"
            return
        for part in _PARTS.split(where["rest"]):
            key, words = _refine(_split(where["key"]), part)
            inner = (*key, words.split(" ", 1)[0])
            yield self.report(inner if inner in self.lines else key, words)

    def place(self, key: Key) -> str:
        """File and line of a key, or of the table that it is in."""
        prefixes = (part for depth in range(len(key), 0, -1) for part in (key[:depth], (*key[:depth], 0)))
        line = next((self.lines[prefix] for prefix in prefixes if prefix in self.lines), None)
        return f"{self.path}:{line}" if line else str(self.path)


def _telling(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without the "too short" that pydantic adds to a list whose items were refused already."""
    items = {error["loc"][:-1] for error in errors if error["loc"] and isinstance(error["loc"][-1], int)}
    inner = items | {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    return [error for error in errors if not (error["type"] == "too_short" and error["loc"] in inner)]


def _words(error: ErrorDetails, model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, error["loc"][:-1])
        return f"unknown key{nearest(str(error['loc'][-1]), known) or there_are(known)}"
    if error["type"] == "missing":
        return "a required key is missing"
    message, given = error["msg"].removeprefix("Value error, "), error["input"]
    if isinstance(given, (dict, list)) or error["type"] == "value_error" or "://" in str(given):
        return message  # an address may hold a token
    return f"{message}, got {str(given)[:60]!r}"


def _keys_at(model: type[BaseModel], key: Key) -> Mapping[str, Any]:
    """Valid keys of the table at this place of a file."""
    found: Any = model
    for part in key:
        fields: Mapping[str, Any] | None = getattr(found, "model_fields", None)
        found = fields[str(part)].annotation if fields else [arg for arg in get_args(found) if arg is not ...][-1]
    known: Mapping[str, Any] = found.model_fields
    return known


def there_are(known: Mapping[str, Any]) -> str:
    """What there is to choose from, as the end of a sentence."""
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
