"""Whole months move to files: nothing is lost, whenever the archiver dies, and nothing in the files can be changed."""

import json
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from openbell.errors import StoreError
from openbell.store import close, open_history, open_journal
from openbell.store.archive_files import Month, file_name, sha256
from openbell.store.archiving import check_settled, parts, utc_month
from openbell.store.connect import open_store
from openbell.store.run_tables import FRAMES, RUNS
from openbell.store.verify import verify
from openbell.values.record import Outcome
from openbell.values.slot import Slot
from tests.store.archive.months import MAY, MOVED, archived, counts, sealed, wrong
from tests.store.samples import HOUR, panel, record_of


def test_whole_months_are_moved_and_everything_still_verifies(url, folder, records):
    assert wrong(url, folder) == []
    steps = archived(url, folder)
    assert [(step.month, step.what, step.runs) for step in steps] == [
        *[("2026-03", what, 4) for what in ("written", "archived", "deleted")],
        *[("2026-04", what, 3) for what in ("written", "archived", "deleted")],
    ]
    assert counts(url) == 3
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "2026-03", "2026-04"]
    assert wrong(url, folder) == []
    check = next(check for check in verify(url, folder) if check.name == "chain of records, signals and verdicts")
    assert check.rows == 10


def test_every_archived_record_is_read_back_exactly_by_id_beginning_and_slot(url, folder, records):
    archived(url, folder)
    history = open_history(url, folder)
    for record in records:
        for name in (record.id, record.id.removesuffix("0"), record.slot):
            assert history.run(name) == record


def test_the_panel_of_an_archived_record_is_read_back_exactly(url, folder, records):
    archived(url, folder)
    assert counts(url, FRAMES) == 2
    history = open_history(url, folder)
    for number, record in enumerate(records):
        bars = history.bars(record.data.digest)
        assert bars.digest() == panel(seed=min(number, 8)).digest()


def test_archived_runs_are_listed_newest_first_by_pages(url, folder, records):
    archived(url, folder)
    history = open_history(url, folder)
    first = history.archived_runs({"plan": "demo"}, 5)
    rest = history.archived_runs({"plan": "demo"}, 5, before=first[-1].id)
    assert [run.id for run in (*first, *rest)] == [record.id for record in reversed(records[:7])]
    assert first[0].equity == records[6].equity
    assert first[0].session == records[6].session
    assert first[0].seconds == pytest.approx(records[6].finished.timestamp() - records[6].clock.timestamp())
    assert history.archived_runs({"plan": "other"}) == ()


def points(url, folder, limit=500):
    return open_history(url, folder).equity("acct", limit)


def test_archived_points_of_equity_are_read_with_those_in_the_store(url, folder, journal):
    sealed(journal, days=12, step=8)
    before = points(url, folder)
    assert len(before) == 12
    archived(url, folder)
    assert len(points(url, None)) < 12
    assert points(url, folder) == before
    for limit in range(1, 13):
        assert points(url, folder, limit) == before[-limit:]
    archived(url, folder, utc_month("2026-07"))
    assert points(url, None) == before[-1:]
    assert points(url, folder) == before


def test_a_point_that_stayed_behind_does_not_hide_archived_ones_after_it(url, folder, journal):
    """The newest looks of a plan stay in the store; here those of one which ran once, at the beginning."""
    planned = datetime(2026, 3, 1, 14, 35, tzinfo=UTC)
    once = record_of(Slot("other", "trade", planned, planned.date()), "once-only", finished=planned)
    journal.seal(once, None)
    sealed(journal)
    before = points(url, folder)
    archived(url, folder)
    assert points(url, None)[0] == before[0]
    for limit in range(1, len(before) + 1):
        assert points(url, folder, limit) == before[-limit:]


def test_points_from_before_a_month_on_another_host_are_left_out_and_told(url, folder, records):
    before = points(url, folder)
    archived(url, folder)
    history = open_history(url, folder)
    assert history.elsewhere() == ""
    (folder / "2026-03").rename(folder.with_name("gone"))
    assert points(url, folder) == before[4:]
    assert "2026-03 (written on " in history.elsewhere()
    (folder / "2026-04").rename(folder.with_name("gone too"))
    assert points(url, folder) == before[7:]


IMPORTED = """
import sys
from pathlib import Path
from openbell.store import open_history
points = open_history(sys.argv[1], Path(sys.argv[2])).equity("acct")
print(len(points), "openbell.store.archive_reading" in sys.modules)
"""


def test_a_store_without_an_archive_is_read_without_the_reader_of_files(url, folder, records):
    command = [sys.executable, "-c", IMPORTED, url, folder]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "10 False\n"
    archived(url, folder)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "10 True\n"


def test_an_unknown_record_is_in_neither(url, folder, records):
    archived(url, folder)
    assert open_history(url, folder).run("ffffffffffffffff") is None


def test_new_records_follow_the_archived_ones_in_one_chain(url, folder, records, journal):
    archived(url, folder, utc_month("2026-07"))
    planned = datetime(2026, 7, 1, 14, 35, tzinfo=UTC)
    journal.seal(record_of(Slot("demo", "trade", planned, planned.date()), "new-record-1", finished=planned), None)
    assert wrong(url, folder) == []


def test_what_later_runs_lean_on_stays_in_the_store(url, folder, records, journal, history):
    before = journal.reference_equity("acct", datetime(2026, 8, 1).date()), journal.looks("demo")
    archived(url, folder, utc_month("2026-08"))
    assert counts(url) == 1
    assert (journal.reference_equity("acct", datetime(2026, 8, 1).date()), journal.looks("demo")) == before
    assert [run.id for run in history.runs(plan="demo", job="trade")] == [records[-1].id]


def test_archiving_again_changes_nothing(url, folder, records):
    archived(url, folder)
    assert archived(url, folder) == []


def test_the_next_month_goes_on_where_the_last_one_ended(url, folder, records):
    archived(url, folder, utc_month("2026-04"))
    assert {step.month for step in archived(url, folder)} == {"2026-04"}
    assert wrong(url, folder) == []


def test_a_dry_run_counts_and_moves_nothing(url, folder, records):
    found = parts(open_store(url), MAY)
    assert [(part.month, part.first, part.last, part.runs) for part in found] == [
        ("2026-03", 1, 4, 4),
        ("2026-04", 5, 7, 3),
    ]
    assert not folder.exists()
    assert counts(url) == 10


def test_a_straggler_stays_with_the_month_it_was_sealed_in(url, folder, records, journal):
    planned = datetime(2026, 3, 31, 14, 35, tzinfo=UTC)
    journal.seal(record_of(Slot("demo", "orders", planned, planned.date()), "straggler-1", finished=planned), None)
    archived(url, folder, utc_month("2026-07"))
    assert wrong(url, folder) == []
    assert open_history(url, folder).run("straggler-1").finished == planned


def test_an_open_slot_of_the_time_before_is_refused(url, folder, records, journal):
    planned = datetime(2026, 3, 9, 14, 35, tzinfo=UTC)
    slot = Slot("demo", "orders", planned, planned.date())
    claim = journal.claim(slot, "run-open", HOUR)
    with pytest.raises(StoreError, match="openbell recover demo"):
        archived(url, folder)
    assert counts(url) == 10
    journal.release(slot, claim.fencing, Outcome.MISSED, "")
    check_settled(open_store(url), MAY)


def test_X18_nobody_but_the_owner_can_open_the_files(url, folder, records):
    archived(url, folder)
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# --- the promise of the audit --------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [*MOVED, FRAMES], ids=lambda table: table.name)
def test_P07_what_is_not_archived_cannot_be_deleted(url, folder, records, table):
    archived(url, folder)
    with pytest.raises(StoreError, match="insert-only"), open_store(url).writing() as connection:
        connection.execute(text(f"DELETE FROM {table.name}"))
    column = next(iter(table.primary_key.columns)).name
    with pytest.raises(StoreError, match="insert-only"), open_store(url).writing() as connection:
        connection.execute(text(f"UPDATE {table.name} SET {column} = {column}"))


def test_P07_the_log_of_archives_is_insert_only_and_chained(url, folder, records):
    archived(url, folder)
    for statement in ("DELETE FROM archives", "UPDATE archives SET last = 9", "DELETE FROM archived_frames"):
        with pytest.raises(StoreError, match="insert-only"), open_store(url).writing() as connection:
            connection.execute(text(statement))


def test_nothing_is_deleted_when_the_record_is_not_as_it_was_sealed(tmp_path, migrated_file):
    path = tmp_path / "openbell.db"
    path.write_bytes(migrated_file.read_bytes())
    url = f"sqlite:///{path}"
    sealed(open_journal(url))
    with open_store(url).writing() as connection:
        connection.execute(text("DROP TRIGGER runs_no_update"))
        connection.execute(text("UPDATE runs SET body = replace(body, 'too', 'TOO') || ' ' WHERE sequence = 3"))
    with pytest.raises(StoreError, match="record 3 is not as it was sealed"):
        archived(url, tmp_path / "archive")
    assert counts(url) == 10
    assert not (tmp_path / "archive" / "2026-03").exists()
    close(url)


def test_X14_any_change_in_any_file_of_the_archive_is_found(url, folder, records):
    archived(url, folder)
    for path in sorted(folder.rglob("*.*")):
        if path.name == ".lock" or path.is_dir():
            continue
        kept = path.read_bytes()
        for at in (5, len(kept) // 2, len(kept) - 1):
            path.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :])
            found = wrong(url, folder)
            assert any(path.parent.name in finding.row for _, finding in found), (path, at)
        path.unlink()
        assert any(path.parent.name in finding.row for _, finding in wrong(url, folder)), path
        path.write_bytes(kept)
    assert wrong(url, folder) == []


def test_X14_a_record_that_was_rewritten_with_its_manifest_is_found(url, folder, records):
    archived(url, folder)
    path = folder / "2026-03" / file_name(RUNS)
    table = pq.read_table(path)
    bodies = [body.replace("99095.49", "99095.48") for body in table["body"].to_pylist()]
    assert bodies != table["body"].to_pylist()
    pq.write_table(table.set_column(table.schema.get_field_index("body"), "body", pa.array(bodies)), path)
    manifest = folder / "2026-03" / "manifest.json"
    said = json.loads(manifest.read_bytes())
    said["files"][path.name]["sha256"] = sha256(path)
    manifest.write_bytes(Month(**said).written)
    found = [finding.row for _, finding in wrong(url, folder)]
    assert "runs 1" in found
    assert any(row.startswith("archive") for row in found)


def test_a_month_that_is_gone_is_told_with_the_host_that_wrote_it(url, folder, records):
    archived(url, folder)
    (folder / "2026-03").rename(folder / "elsewhere")
    found = wrong(url, folder)
    assert any("2026-03" in finding.row and "host" in finding.detail for _, finding in found)
    with pytest.raises(StoreError, match="2026-03 \\(written on"):
        open_history(url, folder).run(records[0].id)


# --- it dies -------------------------------------------------------------------------------------------------


def test_amounts_come_back_exactly(url, folder, journal):
    exact = Decimal("12345678901234567890.12345678")
    planned = datetime(2026, 3, 2, 14, 35, tzinfo=UTC)
    record = record_of(Slot("demo", "trade", planned, planned.date()), "exact-1")
    record = record.model_copy(update={"verdicts": (replace(record.verdicts[0], asked=exact),)})
    journal.seal(record, None)
    journal.seal(record_of(Slot("demo", "trade", planned + timedelta(days=90), planned.date()), "newer-1"), None)
    archived(url, folder)
    assert open_history(url, folder).run("exact-1").verdicts[0].asked == exact
