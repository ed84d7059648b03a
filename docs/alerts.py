"""Writes the table of functions into docs/alerts.md from the code: ``python docs/alerts.py``; a test compares."""

from collections.abc import Iterator
from pathlib import Path

from openbell.alerts.functions import CROSSINGS, FUNCTIONS
from openbell.alerts.parser import parse

PAGE = Path(__file__).with_name("alerts.md")
BEGIN, END = "<!-- functions -->\n", "<!-- end -->"


def page() -> str:
    """The page with its table as the code has it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + rest.partition(END)[2]


def _lines() -> Iterator[str]:
    yield "| function | what it is | bars it rests on, for 14 |\n|---|---|---|"
    for name, function in FUNCTIONS.items():
        yield f"| `{function.call(name)}` | {function.says} | {_bars(name)} |"
    for name, says in CROSSINGS.items():
        yield f"| `{name}(a, b)` | A condition: {says} | one more than its arguments |"


def _bars(name: str) -> str:
    """How far back the function looks with 14 for its bars."""
    function = FUNCTIONS[name]
    if not function.numbers:
        return "as its arguments"
    numbers = ["14" if number.whole else "2" for number in function.numbers]
    series = ["close"] * len(function.series)
    return str(parse(f"{name}({', '.join([*series, *numbers])}) > 0").bars)


if __name__ == "__main__":
    PAGE.write_text(page())
