"""Writes the table of checks into docs/live.md from the code: ``python docs/live.py``; a test compares."""

from collections.abc import Iterator
from pathlib import Path

from openbell.cli.checks.findings import ABOUT

PAGE = Path(__file__).with_name("live.md")
BEGIN, END = "<!-- checks -->\n", "<!-- end -->"


def page() -> str:
    """The page with its table as the code has it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + rest.partition(END)[2]


def _lines() -> Iterator[str]:
    yield "| check | ok when | else |\n|---|---|---|"
    for name, (looks_at, advice) in ABOUT.items():
        yield f"| {name} | {looks_at} | {advice} |"


if __name__ == "__main__":
    PAGE.write_text(page())
