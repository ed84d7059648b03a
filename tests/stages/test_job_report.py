"""The page of a job other than trading."""

from datetime import UTC, date, datetime

from openbell.stages.job_report import job_tables
from openbell.stages.report import headline, markdown
from openbell.values.record import Guard, Outcome, RunRecord

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def record(outcome=Outcome.COMPLETED, message="2 orders looked at: 1 filled", **parts):
    of = {
        "id": "r",
        "plan": "demo",
        "job": "orders",
        "slot": "demo/orders/x",
        "planned": NOW,
        "session": date(2026, 11, 20),
    }
    times = {"clock": NOW, "as_of": NOW, "finished": NOW}
    return RunRecord(**of, **times, outcome=outcome, message=message, **parts)


def test_A04_the_headline_is_the_jobs_own_words():
    assert headline(record()) == "completed: 2 orders looked at: 1 filled"
    assert headline(record(Outcome.MISSED, "nobody started it")) == "missed: nobody started it"


def test_a_skip_is_told_by_its_guard():
    blocked = Guard(name="slot", passed=False, code="DUPLICATE_RUN", detail="the slot was taken by run x")
    assert headline(record(Outcome.SKIPPED, "", guards=(blocked,))) == "skipped: the slot was taken by run x"


def test_counters_and_details_are_tables_and_foreign_text_is_escaped():
    page = markdown(
        record(
            counters={"checked": 2, "filled": 1, "rejected": 0},
            details={
                "changed": [{"order": "ob-1", "what": "buy | *10*"}, {"order": "ob-2"}],
                "waiting": [],
                "why": {"A": "no quote"},
            },
        )
    )
    assert "## Counters\n\n| counter | number |\n| --- | --- |\n| checked | 2 |\n| filled | 1 |\n" in page
    assert "rejected" not in page
    assert "| ob-1 | buy" in page
    assert "*10*" not in page.replace("\\*", "")
    assert "Waiting" not in page
    assert "| A | no quote |" in page


def test_every_row_has_every_column():
    tables = job_tables(record(details={"seen": [{"a": 1}, {"b": [1, {"c": None}]}], "words": ["x", "y"], "one": "z"}))
    assert tables["Seen"] == [{"a": "1", "b": ""}, {"a": "", "b": "1, c "}]
    assert tables["Words"] == [{"value": "x"}, {"value": "y"}]
    assert tables["One"] == [{"value": "z"}]
