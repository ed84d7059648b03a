"""Each fact about the two venues has a test that carries its id, or a reason why no adapter can meet it."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = ("brokers", "contracts", "feeds", "flows", "faults", "risk")
FACTS = [f"G{number:02}" for number in range(1, 48)] + [f"I{number:02}" for number in range(1, 63)]
#: Facts about what is not used here.
BESIDE = {
    "G22": "buy stops are collared by the venue; what comes of them are fills like any other",
    "G25": "how paper money differs in what it pays; fills in parts are in the contract suite",
    "G27": "legs for the day end with it; protective stops are orders of their own that last",
    "G32": "no stream is used: orders are asked for",
    "G44": "no stream is used: orders are asked for",
    "I28": "a child of a bracket is never changed",
    "I30": "no order is ever changed: it is canceled, and a new one is a new decision",
    "I32": "a habit of ib_async alone; the step to it is one line",
    "I60": "Python 3.14 is not supported",
    "I61": "retries of tasks: the order path has none, see tests/flows",
}


def carried() -> set[str]:
    """Ids in the names of tests; numbers below ten are written with a zero."""
    names = (
        name
        for folder in FOLDERS
        for path in (TESTS / folder).rglob("*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    )
    return {row for name in names for row in re.findall(r"(?<=_)[GI]\d\d(?=_)", name)}


def test_each_fact_has_a_test_or_a_reason():
    assert [fact for fact in FACTS if fact not in carried() and fact not in BESIDE] == []


def test_no_reason_outlives_its_need():
    assert [fact for fact in BESIDE if fact in carried()] == []
