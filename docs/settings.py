"""Writes the tables of docs/settings.md from the code: ``python docs/settings.py``; a test compares."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from openbell.settings import PREFIX, Environment, Settings
from openbell.strictness import PLAN_RULES, RULES

PAGE = Path(__file__).with_name("settings.md")
TABLES = {"settings": lambda: _settings(), "environments": lambda: _environments()}


def page() -> str:
    """The page with its tables as the code has them."""
    text = PAGE.read_text()
    for name, lines in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + "\n".join(lines()) + "\n" + end + rest.partition(end)[2]
    return text


def _settings() -> Iterator[str]:
    yield "| variable | values | default | what |\n|---|---|---|---|"
    for name, field in Settings.model_fields.items():
        yield f"| `{PREFIX}{name.upper()}` | {_kind(field)} | {_default(field)} | {field.description} |"


def _kind(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(field.annotation))
    said = str(field.annotation)
    known = {"Secret": "secret", "Path": "path", "int": "number"}
    return next((kind for name, kind in known.items() if name in said), "text")


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{field.default}`"


def _environments() -> Iterator[str]:
    names = get_args(Environment)
    yield f"| asked | {' | '.join(names)} |\n|---{'|---' * len(names)}|"
    for rule in (*RULES, *PLAN_RULES):
        live = getattr(rule, "live", False)
        yield f"| {rule.words} | {' | '.join(_cells(names, rule.where, live))} |"


def _cells(names: Iterable[str], where: tuple[str, ...], live: bool) -> Iterator[str]:
    for name in names:
        yield "yes" if name in where else "for live plans" if live else ""


if __name__ == "__main__":
    PAGE.write_text(page())
