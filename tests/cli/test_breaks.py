"""Breaks and snapshots, as a person at a terminal uses them."""

import re
import shlex
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import openbell
from openbell import store
from openbell.ports.breaks import Look, Result
from openbell.stages.snapshot import snapshot_of
from openbell.values.account import Account, Position
from openbell.values.breaks import TREATMENTS, Cause, Difference

D = Decimal
TIME = datetime(2026, 7, 6, 20, 5, tzinfo=UTC)
PAGE = (Path(openbell.__file__).parent.parent / "docs" / "positions.md").read_text()
HAND = Difference(Cause.FOREIGN_TRADE, "hand-1", "MSFT", "buy 2 MSFT at 50.00", D(2), D(50), D(-100))
CASH = Difference(Cause.CASH, "cash", "", "5,000.00 more than booked", cash=D(5000))


@pytest.fixture
def broken(empty):
    """A store in which two breaks are open."""
    book = store.open_break_book(empty.url)
    found = [HAND, CASH]
    seen = tuple(one.key for one in found)
    book.note(Look("book", TIME, Result.BREAK, cash=D(1000), seen=seen), found)
    return empty


def test_nothing_open_is_said_in_words(empty):
    assert "no break is open" in empty("breaks", "list").stdout
    assert "no snapshot yet" in empty("equity", "--daily").stdout


def test_breaks_are_listed_with_what_can_be_done(broken):
    shown = broken("breaks", "list").stdout
    assert "FOREIGN_TRADE" in shown
    assert TREATMENTS[Cause.CASH].repair in shown
    one = broken("breaks", "show", "1").stdout
    assert 'openbell breaks adopt 1 PLAN STRATEGY --reason "..."' in one


def test_json_is_for_machines(broken):
    (cash, hand) = broken.json("breaks", "list")
    assert (cash["state"], cash["area"], cash["break"]["cash"]) == ("open", "cash", "5000")
    assert (hand["break"]["symbol"], hand["break"]["quantity"], hand["repair"]) == (
        *("MSFT", "2"),
        TREATMENTS[Cause.FOREIGN_TRADE].repair,
    )


def test_what_the_page_shows_works(broken):
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().splitlines():
        words = shlex.split(line.removeprefix(".venv/bin/openbell "))
        result = broken(*words)
        assert result.exit_code == 0, (line, result.stderr)
    (row,) = broken.json("positions")
    assert (row["quantity"], row["strategies"]) == ("2", {"buy_and_hold": "2"})
    (second, first) = broken.json("breaks", "list", "--all")
    assert (first["state"], second["state"]) == ("closed", "closed")
    assert second["break"]["closed_why"] == "savings of March"


def test_the_page_lists_every_cause_as_the_code_has_it():
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (yes|no) \|$", PAGE, re.MULTILINE)
    made = [(c.value, t.means, t.repair, "yes" if t.automatic else "no") for c, t in TREATMENTS.items()]
    assert rows == made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "9", "--reason", "x"), "there is no break 9"),
        (("accept", "1", "--reason", " "), "a reason is needed"),
        (("accept", "2", "--reason", "x"), "--as says what it was"),
        (("accept", "1", "--reason", "x", "--as", "fee"), "not about cash"),
        (("adopt", "2", "demo", "buy_and_hold", "--reason", "x"), "no external position"),
        (("adopt", "1", "demo", "nobody", "--reason", "x"), "has no strategy 'nobody': sma_crossover, buy_and_hold"),
        (("adopt", "1", "other", "x", "--reason", "x"), "other"),
    ],
)
def test_bad_input_is_one_clear_error_and_nothing_is_done(broken, words, said):
    result = broken("breaks", *words)
    assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    assert len(broken.json("breaks", "list")) == 2


def test_H03_snapshots_are_shown_by_session(empty):
    book = store.open_snapshots(empty.url)
    for day, mark in ((6, "101"), (7, "103.335")):
        session = date(2026, 7, day)
        figures = book.figures("book", session)
        account = Account("book", "paper", "USD", D(900), {"MSFT": Position("MSFT", D(2), D(50))}, D(0))
        book.keep(snapshot_of(account, {"MSFT": D(mark)}, figures, session, f"run-{day}", TIME), figures)
    shown = empty("equity", "book", "--daily").stdout
    assert "1,106.67" in shown
    rows = empty.json("equity", "book", "--daily")["book"]
    assert [(row["session"], row["total"], row["daily"]) for row in rows] == [
        ("2026-07-06", "1102", None),
        ("2026-07-07", "1106.67", "4.67"),
    ]
