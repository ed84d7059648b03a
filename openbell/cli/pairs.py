"""Words of the form KEY=VALUE, as options take them."""

import tomllib
from collections.abc import Iterable
from typing import Any

import click


def pairs(words: Iterable[str]) -> dict[str, Any]:
    """Keys with their values, read as TOML where they are it and as text elsewhere: 5, 0.5, true, [1, 2], weekly."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"{word[:60]!r} is not KEY=VALUE")
        if key.strip() in found:
            raise click.UsageError(f"{key.strip()[:60]!r} stands twice")
        found[key.strip()] = value(text)
    return found


def value(text: str) -> Any:
    """One value."""
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return read["value"] if read.keys() == {"value"} else text


def split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """The words that name something, and those of the form KEY=VALUE that an option before them began."""
    named: list[str] = []
    given: list[str] = []
    for word in words:
        (given if "=" in word else named).append(word)
    return named, given
