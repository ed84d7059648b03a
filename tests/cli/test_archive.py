"""openbell archive as a person meets it, and what the reading commands say of runs that were moved."""

import json
import shutil

import pytest


@pytest.fixture
def moved(filled):
    result = filled("archive", "--before", "2026-08", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["months"] == [{"month": "2026-07", "runs": 2, "first": 1, "last": 2}]
    return filled


def test_a_dry_run_says_what_would_be_moved_and_changes_nothing(filled):
    told = filled("archive", "--before", "2026-08", "--dry-run")
    assert told.exit_code == 0
    assert "2026-07" in told.stdout
    assert "nothing was changed" in told.stdout
    assert not (filled.home / "archive").exists()


def test_what_was_moved_is_shown_explained_and_proved(moved):
    assert len(moved.json("history", "--archived")) == 2
    # The newest run of a job stays in the store; this one was moved out of it.
    assert [run["id"] for run in moved.json("history")] == ["run-completed"]
    assert "XNYS is closed on 2026-07-03" in moved("explain", "run-skipped", "IBM").stdout
    assert "HOLIDAY" in moved("show", "demo/trade/2026-07-03T09:35:00-04:00").stdout
    assert moved("verify").exit_code == 0
    assert (moved.home / "archive" / "2026-07" / "runs.parquet").is_file()


def test_archived_runs_are_filtered_and_paged(moved):
    assert [run["id"] for run in moved.json("history", "--archived", "--outcome", "skipped")] == ["run-skipped"]
    newest = moved.json("history", "--archived", "--limit", "1")[0]["id"]
    assert newest == "run-completed"
    assert [run["id"] for run in moved.json("history", "--archived", "--before", newest)] == ["run-skipped"]
    assert moved("history", "--archived", "--before", "nobody").exit_code == 1


def test_the_curve_goes_on_into_the_archive_and_tells_where_it_ends(filled):
    curve = filled.json("equity")
    assert filled("archive", "--before", "2026-08").exit_code == 0
    told = filled("equity", "--json")
    assert (json.loads(told.stdout), told.stderr) == (curve, "")
    shutil.rmtree(filled.home / "archive" / "2026-07")
    told = filled("equity")
    assert told.exit_code == 0
    assert "archived points from before are not shown; not in " in told.stderr
    assert "2026-07 (written on " in told.stderr


def test_a_list_of_archived_runs_says_which_months_lie_elsewhere(moved):
    assert moved("history", "--archived").stderr == ""
    shutil.rmtree(moved.home / "archive" / "2026-07")
    told = moved("history", "--archived", "--json")
    assert (told.exit_code, json.loads(told.stdout)) == (0, [])
    assert "some archived runs are not listed; not in " in told.stderr
    assert "2026-07 (written on " in told.stderr


def test_archiving_again_finds_nothing_to_do(moved):
    assert "nothing to archive" in moved("archive", "--before", "2026-08").stdout


def test_verify_finds_a_file_that_was_changed(moved):
    path = moved.home / "archive" / "2026-07" / "signals.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    result = moved("verify")
    assert result.exit_code == 1
    assert "signals.parquet" in result.stdout


@pytest.mark.parametrize("month", ["2026", "2026-13", "26-03", "2026-3", "march", "2026-03-01", "x'; --"])
def test_what_is_no_month_is_refused_by_name(filled, month):
    result = filled("archive", "--before", month)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not a month such as 2026-03" in result.stderr


def test_a_month_that_has_not_ended_is_refused(filled):
    result = filled("archive", "--before", "2099-01")
    assert (result.exit_code, "has ended" in result.stderr) == (1, True)


def test_without_a_store_it_is_refused(terminal):
    assert terminal("archive", "--before", "2026-03").exit_code == 1
