"""Writes the table of reasons into docs/feeds.md from the code: ``python docs/feeds.py``; a test compares."""

from collections.abc import Iterator
from pathlib import Path

from openbell.values.market import REASONS

PAGE = Path(__file__).with_name("feeds.md")
BEGIN, END = "<!-- reasons -->\n", "<!-- end -->"


def page() -> str:
    """The page with its table as the code has it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + rest.partition(END)[2]


def _lines() -> Iterator[str]:
    yield "| code | why the symbol was left out |\n|---|---|"
    for code, why in REASONS.items():
        yield f"| `{code.value}` | {why} |"


if __name__ == "__main__":
    PAGE.write_text(page())
