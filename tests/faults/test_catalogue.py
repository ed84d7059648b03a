"""Each row of the fault catalogue that is claimed as covered has a test that carries its id."""

import re
from pathlib import Path

from tests.faults.points import rows

TESTS = Path(__file__).parents[1]
#: Rows that are covered; a range stands for all of its numbers.
COVERED = (
    "C01-C24 B01-B12 B19-B21 B25 B30 B32 B33 B36 B37 B39 B40 D01-D24 S01-S14 S16-S22 "
    "P01-P09 P12-P14 F01-F02 F08-F10 F12-F13 H01-H11 K01-K14 X19 G12 I18"
)


def covered():
    """Every row by its id."""
    for part in COVERED.split():
        first, _, last = part.partition("-")
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            yield f"{first[0]}{number:02}"


def carried():
    """The ids in the names of tests, and those of the points that the crash matrix is parametrized with."""
    found = {row for row, _ in rows()}
    for path in TESTS.rglob("*.py"):
        for name in re.findall(r"def test_((?:[A-Z]\d\d_)+)", path.read_text()):
            found.update(name.rstrip("_").split("_"))
    return found


def test_each_row_that_is_claimed_has_a_test():
    assert set(covered()) - carried() == set()
