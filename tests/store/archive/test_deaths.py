"""Archiving that dies, or meets somebody else: nothing is lost."""

import json
import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openbell.errors import StoreError
from openbell.store import close, open_history
from openbell.store.archiving import archiving, utc_month
from openbell.store.connect import open_store
from openbell.values.slot import Slot
from tests.store.archive.months import MAY, archived, counts, wrong
from tests.store.samples import panel, record_of


def test_files_that_the_store_does_not_know_are_never_written_over(url, folder, records, tmp_path):
    archived(url, folder, utc_month("2026-04"))
    manifest = folder / "2026-03" / "manifest.json"
    (folder / "2026-04").mkdir()
    said = json.loads(manifest.read_bytes())
    (folder / "2026-04" / "manifest.json").write_text(json.dumps({**said, "head": "f" * 64}))
    with pytest.raises(StoreError, match="restored backup"):
        archived(url, folder)
    assert counts(url) == 6


def dying(url, folder, step):
    """An archiver that is killed at its n-th step."""
    for number, _ in enumerate(archiving(open_store(url), Path(folder), MAY)):
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("step", range(6))
def test_P13_killed_at_any_step_nothing_is_lost_and_the_next_one_goes_on(url, folder, records, step, monkeypatch):
    monkeypatch.setattr("openbell.store.archiving.AT_ONCE", 1)
    process = multiprocessing.get_context("spawn").Process(target=dying, args=(url, str(folder), step))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    history = open_history(url, folder)
    assert [history.run(record.id) for record in records] == records
    assert wrong(url, folder) == []
    archived(url, folder)
    assert [history.run(record.id) for record in records] == records
    assert wrong(url, folder) == []
    assert counts(url) == 3


def writing(url, folder):
    archived(url, Path(folder))


@pytest.mark.parametrize("milliseconds", [10, 40, 80, 160])
def test_P13_killed_at_any_moment_nothing_is_lost(url, folder, records, milliseconds):
    process = multiprocessing.get_context("fork").Process(target=writing, args=(url, str(folder)))
    close(url)
    process.start()
    process.join(milliseconds / 1000)
    process.kill()
    process.join(20)
    history = open_history(url, folder)
    assert [history.run(record.id) for record in records] == records
    assert wrong(url, folder) == []
    archived(url, folder)
    assert wrong(url, folder) == []
    assert counts(url) == 3


def test_two_archivers_do_not_meet(url, folder, records):
    first = archiving(open_store(url), folder, MAY)
    next(first)
    with pytest.raises(StoreError, match="somebody else is archiving"):
        archived(url, folder)
    assert [step.what for step in first][-1] == "deleted"


def test_a_run_that_is_sealed_while_a_month_is_written_keeps_its_panel(url, folder, records, journal):
    steps = archiving(open_store(url), folder, MAY)
    assert next(steps).what == "written"
    again = replace_panel(records[0], journal)
    list(steps)
    assert open_history(url).bars(again.data.digest) is not None
    assert wrong(url, folder) == []


def replace_panel(record, journal):
    planned = datetime(2026, 8, 3, 14, 35, tzinfo=UTC)
    slot = Slot("demo", "trade", planned, planned.date())
    again = record_of(slot, "again-1", data=record.data, finished=planned)
    journal.seal(again, panel(seed=0))
    return again
